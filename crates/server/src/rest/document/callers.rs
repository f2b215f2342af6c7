//! Who may call an operation, and how they show it.

use utoipa::openapi::Components;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};

/// The ways to show a person's token: the names of their security schemes.
const TOKENS: [&str; 3] = ["token", "tokenInQuery", "tokenInCookie"];
/// The way to show a back end's key. An operation that is a back end's names it beside its handler.
const KEY: &str = "backEnd";

/// Who may call an operation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Callers {
    /// Whoever has a token.
    People,
    /// A team's own back end, and who has the token of a service or an admin.
    BackEnds,
    /// Also whoever shows nothing.
    Everybody,
}

impl Callers {
    /// The callers of an operation, by what is said beside its handler. A back end's is opened to tokens, too.
    pub(super) fn of(operation: &mut Operation) -> Self {
        match &mut operation.security {
            None => Self::People,
            Some(ways) if ways.contains(&shown(KEY)) => {
                ways.extend(people());
                Self::BackEnds
            }
            Some(_) => Self::Everybody,
        }
    }
}

/// What people show: one of these.
pub(super) fn people() -> Vec<SecurityRequirement> {
    TOKENS.map(shown).into()
}

fn shown(scheme: &str) -> SecurityRequirement {
    SecurityRequirement::new(scheme, [""; 0])
}

/// Adds all ways to show who one is.
pub(super) fn add_to(components: &mut Components) {
    let [in_header, in_query, in_cookie] = TOKENS;
    let bearer = |about: &str| HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(about));
    let named = |about: &str| ApiKeyValue::with_description("token", about);
    let cookie = "The same token, from an allowed origin. `JWT_COOKIE` gives the cookie another name.";
    let schemes = [
        (in_header, SecurityScheme::Http(bearer("A token of yours: a JWT with `sub`.").bearer_format("JWT").build())),
        (in_query, SecurityScheme::ApiKey(ApiKey::Query(named("The same token, for those who cannot send headers.")))),
        (in_cookie, SecurityScheme::ApiKey(ApiKey::Cookie(named(cookie)))),
        (KEY, SecurityScheme::Http(bearer("`ROOMCAST_API_KEY`. A token with role `service` or `admin` does as well.").build())),
    ];
    components.security_schemes.extend(schemes.map(|(name, scheme)| (name.to_owned(), scheme.into())));
}
