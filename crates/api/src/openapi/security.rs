//! The callers who may use an operation, and their credentials.

use utoipa::openapi::Components;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};

/// The ways to send a user's token: the names of their security schemes.
const TOKENS: [&str; 3] = ["token", "tokenInQuery", "tokenInCookie"];
/// The name of the security scheme for a backend's key. The handler of a backend's operation declares it.
const KEY: &str = "backEnd";

/// The callers who may use an operation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Callers {
    /// Users with a token.
    Users,
    /// Backends, and callers with the token of a service or an admin.
    Backends,
    /// All callers, also without a token.
    Anyone,
}

impl Callers {
    /// The callers of an operation, by the security that its handler declares. Adds the tokens to a backend's operation.
    pub(super) fn of(operation: &mut Operation) -> Self {
        match &mut operation.security {
            None => Self::Users,
            Some(requirements) if requirements.contains(&requirement(KEY)) => {
                requirements.extend(users());
                Self::Backends
            }
            Some(_) => Self::Anyone,
        }
    }
}

/// The security of an operation for users: one of these schemes.
pub(super) fn users() -> Vec<SecurityRequirement> {
    TOKENS.map(requirement).into()
}

fn requirement(scheme: &str) -> SecurityRequirement {
    SecurityRequirement::new(scheme, [""; 0])
}

/// Adds all security schemes.
pub(super) fn add_to(components: &mut Components) {
    let [in_header, in_query, in_cookie] = TOKENS;
    let bearer = |about: &str| HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(about));
    let named = |about: &str| ApiKeyValue::with_description("token", about);
    let cookie = "The same token, from an allowed origin. `JWT_COOKIE` gives the cookie another name.";
    let schemes = [
        (in_header, SecurityScheme::Http(bearer("A JWT with `sub`, signed by your backend.").bearer_format("JWT").build())),
        (in_query, SecurityScheme::ApiKey(ApiKey::Query(named("The same token, for clients that cannot send headers.")))),
        (in_cookie, SecurityScheme::ApiKey(ApiKey::Cookie(named(cookie)))),
        (KEY, SecurityScheme::Http(bearer("`ROOMCAST_API_KEY`, or a token with the role `service` or `admin`.").build())),
    ];
    components.security_schemes.extend(schemes.map(|(name, scheme)| (name.to_owned(), scheme.into())));
}
