//! The definitions of request bodies. One definition drives both the parsing of the fields and their description in the OpenAPI document.

use std::ops::RangeInclusive;

use domain::validation;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{AdditionalProperties, AnyOfBuilder, ObjectBuilder, Schema, SchemaType, Type};

use super::fields::Fields;
use super::response::RestError;

/// A body whose fields are parsed one by one.
pub trait Body: Sized {
    /// Parses the known fields.
    ///
    /// Errors: 400 that names the first invalid field.
    fn read(fields: &mut Fields<'_>) -> Result<Self, RestError>;

    /// The names of all fields of this body, also of ignored ones.
    fn names() -> Vec<&'static str>;
}

/// Defines bodies. Each is a struct with a [`Body`] and a schema.
///
/// ```text
/// body! {
///     /// A new thing.
///     NewThing as "contract.NewThing" {
///         /// The description of the field. After `=` is its name for clients, if that differs.
///         due_date = "dueDate": optional String[Text::Date],
///         /// The keyword is a method of `Fields`, which parses the field. The field may have bounds.
///         title: required String[1..=500],
///     }
///     ignores ["id"]
/// }
/// ```
///
/// `"userId" or "user_id"` is a field with two names. `ignores ["id"], and others` is a body that may have any other field, to be parsed with
/// [`AuthedRequest::whole_object`](crate::request_context::AuthedRequest::whole_object).
#[macro_export]
macro_rules! body {
    (@name $field:ident) => { stringify!($field) };
    (@name $field:ident $json:literal) => { $json };
    (@type required $type:ty) => { $type };
    (@type present $type:ty) => { Option<$type> };
    (@type optional $type:ty) => { Option<$type> };
    (@type change $type:ty) => { Option<$type> };
    (@type nullable $type:ty) => { Option<Option<$type>> };
    (@schema $type:ty) => { <$type as $crate::fields::Field>::schema() };
    (@schema $type:ty, $bounds:expr) => { $crate::body_schema::SchemaBounds::apply($bounds, $crate::body!(@schema $type)) };
    ($(
        $(#[doc = $about:literal])+
        $name:ident as $title:literal {
            $( $(#[doc = $doc:literal])+ $field:ident $(= $json:literal $(or $other:literal)?)?: $presence:ident $type:ty $([$bounds:expr])? ),+
            $(,)?
        }
        $(ignores $ignored:expr $(, and $others:ident)?)?
    )+) => { $(
        $(#[doc = $about])+
        struct $name { $( $(#[doc = $doc])+ $field: $crate::body!(@type $presence $type) ),+ }

        impl $crate::body_schema::Body for $name {
            fn read(fields: &mut $crate::fields::Fields<'_>) -> Result<Self, $crate::response::RestError> {
                let body = Self { $( $field: {
                    let name = $crate::body!(@name $field $($json)?);
                    $( $( let name = fields.given_as(name, $other); )? )?
                    fields.$presence(name)?
                } ),+ };
                $( fields.ignore(&$ignored); )?
                Ok(body)
            }

            fn names() -> Vec<&'static str> {
                #[allow(unused_mut)]
                let mut names = vec![$( $crate::body!(@name $field $($json)?), $( $( $other, )? )? )+];
                $( names.extend($ignored); )?
                names
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                let described = [ $( $crate::body_schema::DescribedField {
                    name: $crate::body!(@name $field $($json)?),
                    other: { #[allow(unused_mut, unused_assignments)] { let mut other = None; $( $( other = Some($other); )? )? other } },
                    about: concat!($($doc),+),
                    presence: $crate::body_schema::FieldPresence::$presence,
                    schema: $crate::body!(@schema $type $(, $bounds)?),
                } ),+ ];
                let ignored: &[&[&str]] = &[$(&$ignored)?];
                let others: &[&str] = &[$( $( stringify!($others) )? )?];
                $crate::body_schema::object(concat!($($about),+), described, ignored.concat(), !others.is_empty())
            }
        }

        impl utoipa::ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> { $title.into() }
        }
    )+ };
}

/// Whether a field must be present, named after the methods of [`Fields`] that parse it.
#[allow(non_camel_case_types)]
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum FieldPresence {
    /// The field must be present and not null.
    required,
    /// The field must be present and may be null.
    present,
    /// The field may be absent or null, which means the same.
    optional,
    /// The field may be absent, and not null.
    change,
    /// The field may be absent; null removes the value.
    nullable,
}

impl FieldPresence {
    fn must_be_there(self) -> bool {
        matches!(self, Self::required | Self::present)
    }

    fn may_be_null(self) -> bool {
        matches!(self, Self::present | Self::optional | Self::nullable)
    }
}

/// A field, for the document.
pub struct DescribedField {
    /// Its name.
    pub name: &'static str,
    /// Its other name, if it has one.
    pub other: Option<&'static str>,
    /// Its description.
    pub about: &'static str,
    /// Whether it must be present.
    pub presence: FieldPresence,
    /// The schema of its value.
    pub schema: Schema,
}

/// The bounds on the values of a field.
pub trait SchemaBounds {
    /// The schema with these bounds.
    fn apply(self, schema: Schema) -> Schema;
}

/// The number of characters of a text, or of entries of a list. A text that must not be empty must not be blank, either.
impl SchemaBounds for RangeInclusive<usize> {
    fn apply(self, mut schema: Schema) -> Schema {
        let (least, most) = (Some(*self.start()).filter(|least| *least > 0), Some(*self.end()));
        match &mut schema {
            Schema::Object(text) => {
                (text.min_length, text.max_length) = (least, most);
                text.pattern = least.map(|_| r"\S".to_owned());
            }
            Schema::Array(list) => (list.min_items, list.max_items) = (least, most),
            // Nothing else has a length.
            _ => {}
        }
        schema
    }
}

/// A kind of text, which the function of that name in [`domain::validation`] accepts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum TextBounds {
    /// An identifier.
    Word,
    /// An RFC 3339 date, or date and time.
    Date,
    /// A link with http or https.
    Link,
    /// A link, or a path of the front end.
    LinkOrPath,
}

impl SchemaBounds for TextBounds {
    fn apply(self, mut schema: Schema) -> Schema {
        if let Schema::Object(text) = &mut schema {
            let (pattern, most) = match self {
                Self::Word => ("^[A-Za-z0-9_-]+$", Some(validation::MAX_IDENTIFIER)),
                Self::Date => (r"^\d{4}-\d{2}-\d{2}([Tt].+)?$", None),
                Self::Link => (r"^[Hh][Tt][Tt][Pp][Ss]?://\S+$", Some(validation::MAX_LINK)),
                Self::LinkOrPath => (r"^([Hh][Tt][Tt][Pp][Ss]?://|/)\S*$", Some(validation::MAX_LINK)),
            };
            (text.pattern, text.max_length) = (Some(pattern.to_owned()), most);
        }
        schema
    }
}

/// The schema of a body with these fields. Ignored fields may be present, too, and other fields if `others` is true.
pub fn object(about: &str, fields: impl IntoIterator<Item = DescribedField>, ignored: Vec<&str>, others: bool) -> RefOr<Schema> {
    let mut object = ObjectBuilder::new().schema_type(Type::Object).description(Some(about.trim()));
    for DescribedField { name, other, about, presence, schema } in fields {
        let schema = if presence.may_be_null() { or_null(schema) } else { schema };
        match other {
            // One of the two is required, which a list of required fields cannot express.
            Some(other) => {
                object = object.property(name, described(schema.clone(), &format!("{} Alias: `{other}`.", about.trim())));
                object = object.property(other, described(schema, &format!("The same as `{name}`.")));
            }
            None => {
                object = object.property(name, described(schema, about.trim()));
                if presence.must_be_there() {
                    object = object.required(name);
                }
            }
        }
    }
    for name in ignored {
        let ours = ObjectBuilder::new().schema_type(SchemaType::AnyValue).read_only(true);
        object = object.property(name, ours.description(Some("Only the server sets this field; a value that a client sends is ignored.")));
    }
    RefOr::T(object.additional_properties(Some(AdditionalProperties::FreeForm(others))).build().into())
}

fn or_null(schema: Schema) -> Schema {
    let with_null = |types: SchemaType| match types {
        SchemaType::Type(one) => SchemaType::from_iter([one, Type::Null]),
        SchemaType::Array(several) => several.into_iter().chain([Type::Null]).collect(),
        // Any value may be null.
        SchemaType::AnyValue => SchemaType::AnyValue,
    };
    match schema {
        Schema::Object(mut object) => {
            object.schema_type = with_null(object.schema_type);
            object.into()
        }
        Schema::Array(mut list) => {
            list.schema_type = with_null(list.schema_type);
            list.into()
        }
        composed => AnyOfBuilder::new().item(composed).item(ObjectBuilder::new().schema_type(Type::Null)).build().into(),
    }
}

fn described(mut schema: Schema, about: &str) -> Schema {
    let description = match &mut schema {
        Schema::Object(object) => &mut object.description,
        Schema::Array(list) => &mut list.description,
        Schema::OneOf(one) => &mut one.description,
        Schema::AllOf(all) => &mut all.description,
        Schema::AnyOf(any) => &mut any.description,
        // The enumeration is not exhaustive; a new kind of schema has no description.
        _ => return schema,
    };
    *description = Some(about.to_owned());
    schema
}
