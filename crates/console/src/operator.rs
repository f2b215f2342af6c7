//! An operator who has signed in.

/// The path of the page to sign in.
pub(crate) const SIGN_IN: &str = "/console/sign-in";

/// The field of a form that has the CSRF token.
pub(crate) const CSRF_FIELD: &str = "csrf";

/// An operator who has signed in.
pub(crate) struct Operator {
    /// The name of the operator.
    pub name: String,
    /// The CSRF token of the session.
    pub csrf: String,
}
