//! Schemas as TypeScript types.

use utoipa::openapi::schema::{AdditionalProperties, AllOf, ArrayItems, Object, Schema, SchemaType, Type};
use utoipa::openapi::{Ref, RefOr};

/// Writes the types of one contract. Within its module, their names omit the contract.
pub(in crate::codegen) struct TypeWriter {
    prefix: String,
}

impl TypeWriter {
    pub(in crate::codegen) fn new(contract: &str) -> Self {
        Self { prefix: format!("{contract}.") }
    }

    /// A named schema, declared.
    pub(in crate::codegen) fn declaration(&self, name: &str, schema: &RefOr<Schema>) -> String {
        let name = self.name(name);
        let about = match schema {
            RefOr::T(Schema::Object(object)) => object.description.as_deref(),
            RefOr::T(Schema::AllOf(all)) => all.description.as_deref(),
            RefOr::T(Schema::OneOf(one)) => one.description.as_deref(),
            RefOr::T(Schema::AnyOf(any)) => any.description.as_deref(),
            _ => None,
        };
        let about = comment("", about.unwrap_or_default());
        match schema {
            RefOr::T(Schema::Object(object)) if !object.properties.is_empty() => {
                format!("{about}export interface {name} {}\n", self.fields(object, "\n", "  ", "\n"))
            }
            RefOr::T(Schema::AllOf(all)) => match self.extension(all) {
                Some((bases, fields)) => format!("{about}export interface {name} extends {bases} {fields}\n"),
                None => format!("{about}export type {name} = {};\n", self.type_of(schema)),
            },
            _ => format!("{about}export type {name} = {};\n", self.type_of(schema)),
        }
    }

    /// Named schemas with additional fields, as an interface that extends them.
    fn extension(&self, all: &AllOf) -> Option<(String, String)> {
        let (RefOr::T(Schema::Object(own)), bases) = all.items.split_last()? else { return None };
        let bases: Option<Vec<_>> =
            bases.iter().map(|base| if let RefOr::Ref(base) = base { Some(self.reference(base)) } else { None }).collect();
        Some((bases?.join(", "), self.fields(own, "\n", "  ", "\n")))
    }

    /// A schema as a type.
    pub(in crate::codegen) fn type_of(&self, schema: &RefOr<Schema>) -> String {
        match schema {
            RefOr::Ref(reference) => self.reference(reference),
            RefOr::T(Schema::Object(object)) => self.object(object),
            RefOr::T(Schema::Array(array)) => match &array.items {
                ArrayItems::RefOrSchema(items) => format!("{}[]", bracketed(self.type_of(items))),
                ArrayItems::False => "[]".into(),
            },
            RefOr::T(Schema::OneOf(one)) => self.joined(&one.items, " | "),
            RefOr::T(Schema::AnyOf(any)) => self.joined(&any.items, " | "),
            RefOr::T(Schema::AllOf(all)) => self.joined(&all.items, " & "),
            // A variant of a schema that a later version of the library adds.
            RefOr::T(_) => "unknown".into(),
        }
    }

    /// Several schemas; `null` comes last, as is usual.
    fn joined(&self, schemas: &[RefOr<Schema>], by: &str) -> String {
        let types = schemas.iter().map(|schema| self.type_of(schema));
        let (nothing, types): (Vec<_>, Vec<_>) =
            types.map(|written| if written.contains(" & ") { bracketed(written) } else { written }).partition(|written| written == "null");
        types.into_iter().chain(nothing).collect::<Vec<_>>().join(by)
    }

    fn object(&self, object: &Object) -> String {
        if let Some(values) = &object.enum_values {
            return values.iter().map(ToString::to_string).collect::<Vec<_>>().join(" | ");
        }
        if !object.properties.is_empty() {
            return self.fields(object, " ", "", " ");
        }
        let types = match &object.schema_type {
            SchemaType::Type(one) => std::slice::from_ref(one),
            SchemaType::Array(several) => several,
            SchemaType::AnyValue => return "unknown".into(),
        };
        types.iter().map(primitive).collect::<Vec<_>>().join(" | ")
    }

    /// The fields of an object in braces. The inputs are the text before each line, its indentation, and the text after the last line.
    fn fields(&self, object: &Object, before: &str, indentation: &str, behind: &str) -> String {
        let mut text = "{".to_owned();
        for (name, schema) in &object.properties {
            let optional = if object.required.contains(name) { "" } else { "?" };
            let about = if indentation.is_empty() { String::new() } else { comment(indentation, description(schema)) };
            let about = about.trim_end_matches('\n');
            if !about.is_empty() {
                text.push_str(&format!("{before}{about}"));
            }
            text.push_str(&format!("{before}{indentation}{}{optional}: {};", key(name), self.type_of(schema)));
        }
        if let Some(AdditionalProperties::FreeForm(true)) = object.additional_properties.as_deref() {
            text.push_str(&format!("{before}{indentation}[more: string]: unknown;"));
        }
        let text = if indentation.is_empty() { text.trim_end_matches(';') } else { &text };
        format!("{text}{behind}}}")
    }

    fn reference(&self, reference: &Ref) -> String {
        let name = reference.ref_location.rsplit('/').next().unwrap_or_default();
        self.name(name)
    }

    fn name(&self, name: &str) -> String {
        name.strip_prefix(&self.prefix).unwrap_or(name).replace('.', "_")
    }
}

fn primitive(of: &Type) -> &'static str {
    match of {
        Type::Object => "Record<string, unknown>",
        Type::String => "string",
        Type::Integer | Type::Number => "number",
        Type::Boolean => "boolean",
        Type::Array => "unknown[]",
        Type::Null => "null",
    }
}

/// A type that may be followed by brackets.
fn bracketed(written: String) -> String {
    if written.contains([' ', '|']) { format!("({written})") } else { written }
}

fn description(schema: &RefOr<Schema>) -> &str {
    match schema {
        RefOr::Ref(reference) => &reference.description,
        RefOr::T(Schema::Object(object)) if object.enum_values.is_none() => object.description.as_deref().unwrap_or_default(),
        RefOr::T(Schema::Array(array)) => array.description.as_deref().unwrap_or_default(),
        RefOr::T(_) => "",
    }
}

/// A comment in lines of its own; empty if the text is empty.
pub(super) fn comment(indentation: &str, text: &str) -> String {
    let text = text.trim().replace("*/", "* /");
    match text.contains('\n') {
        _ if text.is_empty() => String::new(),
        false => format!("{indentation}/** {text} */\n"),
        true => {
            let lines: Vec<_> = text.lines().map(|line| format!("{indentation} * {}", line.trim())).collect();
            format!("{indentation}/**\n{}\n{indentation} */\n", lines.join("\n"))
        }
    }
}

/// A name as the key of an object: in quotes unless it is a plain word.
pub(super) fn key(name: &str) -> String {
    let plain = !name.is_empty() && !name.starts_with(|first: char| first.is_ascii_digit());
    let plain = plain && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    if plain { name.to_owned() } else { format!("{name:?}") }
}
