//! Ids in paths, queries and bodies.

use std::fmt::{self, Formatter};

use client_json::ids::IdInput;
use domain::error::DomainError;
use domain::ids::{EntityId, RoomId, RoomKind, UserId, parse_id};
use domain::ports::{MemberPage, Page};
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{AdditionalProperties, AnyOfBuilder, ArrayBuilder, ObjectBuilder, Schema, Type};
use utoipa::{IntoParams, PartialSchema, ToSchema};

use super::fields::Field;
use super::inline_schema::inline;
use super::response::RestError;

/// The space that a path names. Errors: a malformed id is not found.
pub fn room(kind: RoomKind, id: &str) -> Result<RoomId, DomainError> {
    kind.room_from_external_id(id).ok_or(DomainError::NotFound(kind.display_name()))
}

/// The object with a numeric id that a path names. Errors: as [`room`]; `object` names the object.
pub fn number(object: &'static str, id: &str) -> Result<EntityId, DomainError> {
    parse_id(id).ok_or(DomainError::NotFound(object))
}

/// The user that a path names. Errors: as [`room`]; `object` names the user.
pub fn user_id(object: &'static str, id: &str) -> Result<UserId, DomainError> {
    UserId::parse(id).ok_or(DomainError::NotFound(object))
}

/// The users that a query names, separated by commas or in a parameter each. Errors: 400 with the parameter's name.
pub fn user_ids(query: Option<&str>, name: &'static str) -> Result<Vec<UserId>, RestError> {
    let mut users = Vec::new();
    for (_, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()).filter(|(parameter, _)| parameter == name) {
        for id in value.split(',').map(str::trim).filter(|id| !id.is_empty()) {
            users.push(UserId::parse(id).ok_or_else(|| RestError::field(name, "must be ids, separated by commas"))?);
        }
    }
    if users.is_empty() { Err(RestError::field(name, "must be ids, separated by commas")) } else { Ok(users) }
}

/// The page of a list that a query selects, for the document. [`page`] parses it.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it is only a description")]
pub struct PageQuery {
    /// The number of entries; values above the maximum count as the maximum.
    #[param(required = false, minimum = 1, maximum = 200, default = 50)]
    limit: u32,
    /// Only entries that are older than this one: the id of an entry of the list.
    #[param(required = false, pattern = "^[1-9][0-9]*$")]
    before: String,
}

/// The same for a list of spaces, whose ids may be any text.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it is only a description")]
pub struct SpacePageQuery {
    /// The number of entries; values above the maximum count as the maximum.
    #[param(required = false, minimum = 1, maximum = 200, default = 50)]
    limit: u32,
    /// Only entries that are older than this one: the id of an entry of the list.
    #[param(required = false, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]{1,200}$")]
    before: String,
}

/// The same for a list of members.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it is only a description")]
pub struct MemberPageQuery {
    /// The number of entries; values above the maximum count as the maximum.
    #[param(required = false, minimum = 1, maximum = 200, default = 50)]
    limit: u32,
    /// Only members who joined after this one: the id of a member, such as the last of the previous page.
    #[param(required = false, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]{1,200}$")]
    after: String,
}

/// The number of entries that a query selects, for the document.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it is only a description")]
pub struct LimitQuery {
    /// The number of entries; values above the maximum count as the maximum.
    #[param(required = false, minimum = 1, maximum = 200, default = 50)]
    limit: u32,
}

/// Parses the page of a list of members that a query asks for: `limit` and `after`. `before` is an error, because these lists go forward;
/// other parameters are ignored.
///
/// The input is the part of the URL after the question mark. Errors: 400 with the parameter's name.
pub fn member_page(query: Option<&str>) -> Result<MemberPage, RestError> {
    let mut after = None;
    for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        match &*name {
            "after" => after = Some(UserId::parse(&value).ok_or_else(|| RestError::field("after", "must be the id of a member"))?),
            "before" => return Err(RestError::field("before", "is not for lists of members, which go forward; use after")),
            _ => {}
        }
    }
    let Page { limit, .. } = page::<EntityId>(query, |_| None::<EntityId>)?;
    Ok(MemberPage { limit, after })
}

/// Parses the page of a list that a query asks for: `limit` and `before`. Other parameters are ignored.
///
/// The inputs are the query of the URL, without the question mark; a function that parses an id of this list. Errors: 400 with the parameter's
/// name.
pub fn page<T>(query: Option<&str>, read: impl Fn(&str) -> Option<T>) -> Result<Page<T>, RestError> {
    let (mut limit, mut before) = (None, None);
    for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        match &*name {
            "limit" => {
                let wanted = "must be a whole number, at least 1; a page has at most 200 entries";
                limit = Some(entries(&value).ok_or_else(|| RestError::field("limit", wanted))?);
            }
            "before" => before = Some(read(&value).ok_or_else(|| RestError::field("before", "must be the id of an entry of this list"))?),
            _ => {}
        }
    }
    Ok(Page::new(limit, before))
}

/// A number of entries: a positive number in decimal digits. A number that is too large for the type becomes its maximum: a page has its own bound.
fn entries(text: &str) -> Option<u32> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u32::MAX)).filter(|entries| *entries > 0)
}

/// The ids of objects of the server, in a body.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct IdInputs {
    /// The well-formed ids.
    pub ids: Vec<EntityId>,
    /// The first malformed id, such as a client's own id of a message that is not sent yet.
    pub malformed: Option<String>,
}

impl<'de> Deserialize<'de> for IdInputs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut inputs = Self::default();
        for id in Vec::<IdInput>::deserialize(deserializer)? {
            match parse_id(&id.0) {
                Some(id) => inputs.ids.push(id),
                None => inputs.malformed = inputs.malformed.or(Some(id.0)),
            }
        }
        Ok(inputs)
    }
}

/// A user in a body.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UserIdInput(pub UserId);

impl<'de> Deserialize<'de> for UserIdInput {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let id = IdInput::deserialize(deserializer)?;
        UserId::parse(&id.0).map(Self).ok_or_else(|| D::Error::custom("not an id"))
    }
}

/// Users in a body: ids, or objects with an id, as responses contain them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct UserIdInputs(pub Vec<UserId>);

impl<'de> Deserialize<'de> for UserIdInputs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let users = Vec::<MemberInput>::deserialize(deserializer)?;
        Ok(Self(users.into_iter().map(|user| user.0).collect()))
    }
}

impl PartialSchema for UserIdInputs {
    fn schema() -> RefOr<Schema> {
        let object = ObjectBuilder::new().schema_type(Type::Object).property("id", UserIdInput::schema()).required("id");
        let object = object.additional_properties(Some(AdditionalProperties::FreeForm(true)));
        let one = AnyOfBuilder::new().item(UserIdInput::schema()).item(object);
        RefOr::T(ArrayBuilder::new().items(one).build().into())
    }
}

impl ToSchema for UserIdInputs {}

/// An id, or an object with an id.
struct MemberInput(UserId);

impl<'de> Deserialize<'de> for MemberInput {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MemberInputVisitor;

        impl<'de> Visitor<'de> for MemberInputVisitor {
            type Value = MemberInput;

            fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
                f.write_str("an id, or an object with one")
            }

            fn visit_str<E: Error>(self, id: &str) -> Result<MemberInput, E> {
                UserId::parse(id).map(MemberInput).ok_or_else(|| E::custom("not an id"))
            }

            fn visit_u64<E: Error>(self, id: u64) -> Result<MemberInput, E> {
                self.visit_str(&id.to_string())
            }

            fn visit_i64<E: Error>(self, id: i64) -> Result<MemberInput, E> {
                self.visit_str(&id.to_string())
            }

            fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<MemberInput, A::Error> {
                let mut id = None;
                while let Some(name) = fields.next_key::<String>()? {
                    match &*name {
                        "id" => id = Some(fields.next_value::<IdInput>()?.0),
                        _ => drop(fields.next_value::<IgnoredAny>()?),
                    }
                }
                self.visit_str(&id.ok_or_else(|| A::Error::missing_field("id"))?)
            }
        }

        deserializer.deserialize_any(MemberInputVisitor)
    }
}

impl Field for UserIdInput {
    const EXPECTED: &'static str = "must be an id of 1 to 200 bytes, as text or number";

    fn schema() -> Schema {
        let mut schema = <IdInput as Field>::schema();
        if let Schema::Object(id) = &mut schema {
            // The id as text may be any text that can be stored and shown.
            id.pattern = Some(r"^[^\x00-\x1f\x7f-\x9f]{1,200}$".to_owned());
        }
        schema
    }
}

impl Field for UserIdInputs {
    const EXPECTED: &'static str = "must be a list of ids of 1 to 200 bytes, each as text or number";

    fn schema() -> Schema {
        inline(<Self as PartialSchema>::schema())
    }
}

impl Field for IdInputs {
    const EXPECTED: &'static str = "must be a list of ids, each as text or number";

    fn schema() -> Schema {
        ArrayBuilder::new().items(RefOr::T(<IdInput as Field>::schema())).build().into()
    }
}
