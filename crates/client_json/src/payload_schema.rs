//! The schema of an event's argument, with the named schemas that it refers to.

use utoipa::ToSchema;
use utoipa::openapi::schema::{AllOfBuilder, ArrayBuilder, OneOfBuilder, Schema};
use utoipa::openapi::{Ref, RefOr};

/// A schema with all its components.
#[derive(Clone)]
pub struct PayloadSchema {
    /// The schema; it refers to named types.
    pub schema: RefOr<Schema>,
    /// All schemas that it and the others refer to, by name. One may occur several times.
    pub components: Vec<(String, RefOr<Schema>)>,
}

impl PayloadSchema {
    /// The shape of a type.
    pub fn of<T: ToSchema>() -> Self {
        let mut components = Vec::new();
        T::schemas(&mut components);
        let schema = T::schema();
        if !has_name(&schema) {
            return Self { schema, components };
        }
        components.push((T::name().into_owned(), schema));
        Self { schema: Ref::from_schema_name(T::name()).into(), components }
    }

    /// The shape of a list of things of a type.
    pub fn list<T: ToSchema>() -> Self {
        let Self { schema, components } = Self::of::<T>();
        Self { schema: ArrayBuilder::new().items(schema).into(), components }
    }

    /// One of the two shapes.
    pub fn or(self, other: Self) -> Self {
        let one_of = |schema: RefOr<Schema>| match schema {
            RefOr::T(Schema::OneOf(one_of)) => one_of.items,
            other => vec![other],
        };
        let items = one_of(self.schema).into_iter().chain(one_of(other.schema));
        let schema = items.fold(OneOfBuilder::new(), OneOfBuilder::item).into();
        Self { schema, components: self.components.into_iter().chain(other.components).collect() }
    }

    /// An object with the fields of both shapes.
    pub fn and(self, other: Self) -> Self {
        let schema = AllOfBuilder::new().item(self.schema).item(other.schema).into();
        Self { schema, components: self.components.into_iter().chain(other.components).collect() }
    }
}

/// Whether a type is known by its name. A bare text, number or list is not.
fn has_name(schema: &RefOr<Schema>) -> bool {
    match schema {
        RefOr::T(Schema::Object(object)) => !object.properties.is_empty(),
        RefOr::T(Schema::OneOf(_) | Schema::AllOf(_) | Schema::AnyOf(_)) => true,
        _ => false,
    }
}
