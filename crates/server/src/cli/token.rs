//! `roomcast token`: signs a token that this server accepts.

use std::time::Duration;

use auth::Keys;
use auth::sign::{NewTokenClaims, sign};
use clap::Args;
use config::value::SettingValue;
use config::{Config, ConfigError};

use crate::clock;

/// The arguments of `roomcast token`.
#[derive(Args)]
pub struct TokenArguments {
    /// The id of the user
    #[arg(long, value_name = "ID")]
    sub: String,
    /// The display name
    #[arg(long)]
    name: Option<String>,
    /// The username in the workspace contract
    #[arg(long)]
    username: Option<String>,
    /// The e-mail address
    #[arg(long)]
    email: Option<String>,
    /// The id of a household that the user becomes a member of
    #[arg(long, value_name = "ID")]
    household: Option<String>,
    /// The role: admin or service
    #[arg(long)]
    role: Option<String>,
    /// The lifetime of the token: seconds, or a number with ms, s, m or h; 0 for no expiry
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = duration)]
    ttl: Duration,
}

fn duration(text: &str) -> Result<Duration, String> {
    Duration::read(text).ok_or_else(|| format!("expected {}", Duration::EXPECTED))
}

/// The token, as a line, and the source of the secret that signs it. Errors: a line about keys that cannot sign or a secret that does not
/// exist, or a subject that cannot be a user's id.
pub fn make(config: &Config, arguments: TokenArguments) -> Result<(String, String), ConfigError> {
    let (keys, signer) = Keys::load_to_sign(config)?;
    let now = clock::seconds();
    let lives = i64::try_from(arguments.ttl.as_secs()).unwrap_or(i64::MAX);
    let token = NewTokenClaims {
        sub: arguments.sub,
        name: arguments.name,
        username: arguments.username,
        email: arguments.email,
        household_id: arguments.household,
        role: arguments.role,
        iat: now,
        exp: (!arguments.ttl.is_zero()).then(|| now.saturating_add(lives)),
    };
    sign(&keys, &token, &config.auth).map(|token| (token + "\n", signer))
}
