//! A token's payload. Other backends issue the tokens: a claim that Roomcast knows may be absent, or have another type.

use std::fmt;

use serde::Deserialize;
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::identity::{Identity, is_id, person};

/// The claims that are read. A token with a duplicate claim is rejected: parsers differ in which of the two they use.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Claims {
    sub: Claim,
    user_id: Claim,
    #[serde(rename = "userId")]
    user_id_camel: Claim,
    id: Claim,
    name: Claim,
    username: Claim,
    email: Claim,
    household_id: Claim,
    #[serde(rename = "householdId")]
    household_id_camel: Claim,
    role: Claim,
    roles: Claim,
    iat: Moment,
    pub(super) exp: Moment,
    pub(super) nbf: Moment,
    pub(super) iss: Claim,
    pub(super) aud: Claim,
}

impl Claims {
    /// The identity, or `None` if the token has no subject that can be a user's id. The first of `sub`, `user_id`, `userId` and `id`
    /// decides, even if it is invalid: trying the next one would let one token mean different users in different backends.
    pub(super) fn identity(self) -> Option<Identity> {
        let subject = [self.sub, self.user_id, self.user_id_camel, self.id].into_iter().find(|claim| !claim.is_absent())?;
        let household = if self.household_id.is_absent() { self.household_id_camel } else { self.household_id };
        let has_role = |role: &str| self.role.holds(role) || self.roles.holds(role);
        Some(Identity {
            person: person(&subject.text()?)?,
            admin: has_role("admin"),
            service: has_role("service"),
            name: self.name.shown(),
            username: self.username.shown(),
            email: self.email.shown(),
            household: household.text().filter(|id| is_id(id)),
            issued_at: self.iat.0,
            expires_at: self.exp.0,
        })
    }
}

/// A claim of any type.
#[derive(Default, PartialEq, Debug)]
pub(super) enum Claim {
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

impl Claim {
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
    pub(super) fn holds(&self, wanted: &str) -> bool {
        match self {
            Self::Text(text) => text == wanted,
            Self::List(texts) => texts.iter().any(|text| text == wanted),
            Self::Absent | Self::Number(_) | Self::Other => false,
        }
    }

    fn shown(self) -> Option<String> {
        self.text().filter(|text| !text.trim().is_empty())
    }
}

impl<'de> Deserialize<'de> for Claim {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ClaimVisitor)
    }
}

struct ClaimVisitor;

impl<'de> Visitor<'de> for ClaimVisitor {
    type Value = Claim;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a claim")
    }

    fn visit_unit<E>(self) -> Result<Claim, E> {
        Ok(Claim::Absent)
    }

    fn visit_str<E>(self, text: &str) -> Result<Claim, E> {
        Ok(Claim::Text(text.to_owned()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Claim, E> {
        Ok(Claim::Number(number.to_string()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Claim, E> {
        Ok(Claim::Number(number.to_string()))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Claim, E> {
        Ok(Claim::Other)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Claim, E> {
        Ok(Claim::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Claim, A::Error> {
        let mut texts = Vec::new();
        while let Some(item) = items.next_element::<Claim>()? {
            if let Claim::Text(text) = item {
                texts.push(text);
            }
        }
        Ok(Claim::List(texts))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Claim, A::Error> {
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Claim::Other)
    }
}

/// A NumericDate in whole seconds since 1970, or `None`. Unlike other claims it must have the right type: a time that cannot be parsed must
/// not count as no limit.
#[derive(Clone, Copy, Default)]
pub(super) struct Moment(pub(super) Option<i64>);

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // A fraction of a second is allowed by RFC 7519 and means nothing here; the cast saturates.
        Option::<f64>::deserialize(deserializer).map(|seconds| Self(seconds.map(|seconds| seconds.floor() as i64)))
    }
}
