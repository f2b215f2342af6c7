//! A token's payload. Other backends issue the tokens: a claim that Roomcast knows may be absent, or have another type.

use std::fmt;

use serde::Deserialize;
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::identity::{Identity, is_id, user_id};

/// The claims that are read. A token with a duplicate claim is rejected: parsers differ in which of the two they use.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct TokenClaims {
    sub: ClaimValue,
    user_id: ClaimValue,
    #[serde(rename = "userId")]
    user_id_camel: ClaimValue,
    id: ClaimValue,
    name: ClaimValue,
    username: ClaimValue,
    email: ClaimValue,
    household_id: ClaimValue,
    #[serde(rename = "householdId")]
    household_id_camel: ClaimValue,
    role: ClaimValue,
    roles: ClaimValue,
    iat: NumericDate,
    pub(super) exp: NumericDate,
    pub(super) nbf: NumericDate,
    pub(super) iss: ClaimValue,
    pub(super) aud: ClaimValue,
}

impl TokenClaims {
    /// The identity, or `None` if the token has no subject that can be a user's id. The first of `sub`, `user_id`, `userId` and `id`
    /// decides, even if it is invalid: trying the next one would let one token mean different users in different backends.
    pub(super) fn identity(self) -> Option<Identity> {
        let subject = [self.sub, self.user_id, self.user_id_camel, self.id].into_iter().find(|claim| !claim.is_absent())?;
        let household = if self.household_id.is_absent() { self.household_id_camel } else { self.household_id };
        let has_role = |role: &str| self.role.contains(role) || self.roles.contains(role);
        Some(Identity {
            user: user_id(&subject.text()?)?,
            admin: has_role("admin"),
            service: has_role("service"),
            name: self.name.non_blank(),
            username: self.username.non_blank(),
            email: self.email.non_blank(),
            household: household.text().filter(|id| is_id(id)),
            issued_at: self.iat.0,
            expires_at: self.exp.0,
        })
    }
}

/// A claim of any type.
#[derive(Default, PartialEq, Debug)]
pub(super) enum ClaimValue {
    /// Absent, or null.
    #[default]
    Absent,
    /// A text.
    Text(String),
    /// A whole number, as text.
    Number(String),
    /// The texts of a list.
    List(Vec<String>),
    /// Anything else.
    Other,
}

impl ClaimValue {
    pub(super) fn is_absent(&self) -> bool {
        *self == Self::Absent
    }

    /// The text, also of a number.
    pub(super) fn text(self) -> Option<String> {
        match self {
            Self::Text(text) | Self::Number(text) => Some(text),
            Self::Absent | Self::List(_) | Self::Other => None,
        }
    }

    /// True if it is this text, or a list that contains it.
    pub(super) fn contains(&self, wanted: &str) -> bool {
        match self {
            Self::Text(text) => text == wanted,
            Self::List(texts) => texts.iter().any(|text| text == wanted),
            Self::Absent | Self::Number(_) | Self::Other => false,
        }
    }

    fn non_blank(self) -> Option<String> {
        self.text().filter(|text| !text.trim().is_empty())
    }
}

impl<'de> Deserialize<'de> for ClaimValue {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ClaimVisitor)
    }
}

struct ClaimVisitor;

impl<'de> Visitor<'de> for ClaimVisitor {
    type Value = ClaimValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a claim")
    }

    fn visit_unit<E>(self) -> Result<ClaimValue, E> {
        Ok(ClaimValue::Absent)
    }

    fn visit_str<E>(self, text: &str) -> Result<ClaimValue, E> {
        Ok(ClaimValue::Text(text.to_owned()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<ClaimValue, E> {
        Ok(ClaimValue::Number(number.to_string()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<ClaimValue, E> {
        Ok(ClaimValue::Number(number.to_string()))
    }

    fn visit_f64<E>(self, _: f64) -> Result<ClaimValue, E> {
        Ok(ClaimValue::Other)
    }

    fn visit_bool<E>(self, _: bool) -> Result<ClaimValue, E> {
        Ok(ClaimValue::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<ClaimValue, A::Error> {
        let mut texts = Vec::new();
        while let Some(item) = items.next_element::<ClaimValue>()? {
            if let ClaimValue::Text(text) = item {
                texts.push(text);
            }
        }
        Ok(ClaimValue::List(texts))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<ClaimValue, A::Error> {
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(ClaimValue::Other)
    }
}

/// A NumericDate in whole seconds since 1970, or `None`. Unlike other claims it must have the right type: a time that cannot be parsed must
/// not count as no limit.
#[derive(Clone, Copy, Default)]
pub(super) struct NumericDate(pub(super) Option<i64>);

impl<'de> Deserialize<'de> for NumericDate {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // A fraction of a second is allowed by RFC 7519 and means nothing here; the cast saturates.
        Option::<f64>::deserialize(deserializer).map(|seconds| Self(seconds.map(|seconds| seconds.floor() as i64)))
    }
}
