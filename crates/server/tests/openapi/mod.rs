//! Checks the OpenAPI document against the tests: every response of REST, and every accepted body.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock, Mutex};

use http::{Method, StatusCode, Uri};
use jsonschema::{Registry, Validator};
use serde_json::{Value, json};

/// The URI of the document in the schemas.
const ADDRESS: &str = "urn:openapi";

/// The document as it is served.
pub static DOCUMENT: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(api::openapi()).unwrap());

static STRICT: LazyLock<Value> = LazyLock::new(|| strict(DOCUMENT.clone()));

static REGISTRY: LazyLock<Registry<'static>> = LazyLock::new(|| Registry::new().add(ADDRESS, &*STRICT).unwrap().prepare().unwrap());

static VALIDATORS: Mutex<BTreeMap<String, Arc<Validator>>> = Mutex::new(BTreeMap::new());

/// Checks that the document has this response for the request.
#[track_caller]
pub fn check_response(method: &Method, uri: &Uri, status: StatusCode, body: &Value) {
    let Some(path) = path(uri.path()) else {
        assert_eq!(status, StatusCode::NOT_FOUND, "{method} {uri} is not in the document, and has a response");
        return;
    };
    // HEAD works wherever GET does, and OPTIONS is for CORS.
    if matches!(*method, Method::HEAD | Method::OPTIONS) {
        return;
    }
    let Some(operation) = operation(method, path) else {
        assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path} is not in the document, and has a response");
        return;
    };
    let location = operation.pointer(&format!("/responses/{}", status.as_u16()));
    let location = location.unwrap_or_else(|| panic!("the response {status} of {method} {path} is not in the document: {body}"));
    let response = match location["$ref"].as_str() {
        Some(reference) => reference.trim_start_matches('#').to_owned(),
        None => format!("{}/responses/{}", pointer(method, path), status.as_u16()),
    };
    assert_valid(&format!("{response}/content/application~1json/schema"), body, &format!("the response {status} of {method} {path}"));
}

/// Checks that an accepted body is valid by the document.
#[track_caller]
pub fn check_body(method: &Method, uri: &Uri, body: &Value) {
    let path = path(uri.path()).unwrap();
    let operation = operation(method, path).unwrap();
    let location = format!("{}/requestBody/content/application~1json/schema", pointer(method, path));
    if body.is_null() {
        assert_ne!(operation["requestBody"]["required"], json!(true), "{method} {path} succeeded without a body");
    } else if operation.get("requestBody").is_some() {
        assert_valid(&location, body, &format!("the body of {method} {path}"));
    }
}

/// A document whose schemas in `components/schemas` allow no other fields.
pub fn strict(mut document: Value) -> Value {
    let mut parts = BTreeSet::new();
    find_parts(&document, &mut parts);
    for (member, part) in document.as_object_mut().unwrap() {
        if member != "components" {
            close(part);
        }
    }
    for (name, schema) in document["components"]["schemas"].as_object_mut().unwrap() {
        if !parts.contains(&format!("#/components/schemas/{name}")) {
            close(schema);
        }
    }
    document
}

#[track_caller]
fn assert_valid(schema: &str, instance: &Value, what: &str) {
    let validator = validator(schema);
    let errors: Vec<_> = validator.iter_errors(instance).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{what} does not match {schema}: {errors:#?}\n{instance:#}");
}

/// The validator of the schema at this location of the document.
pub fn validator(schema: &str) -> Arc<Validator> {
    let mut validators = VALIDATORS.lock().unwrap();
    let build = || {
        // A URI cannot contain the braces of a path's template.
        let schema = json!({ "$ref": format!("{ADDRESS}#{}", schema.replace('{', "%7B").replace('}', "%7D")) });
        Arc::new(jsonschema::options().with_registry(&REGISTRY).should_validate_formats(true).build(&schema).unwrap())
    };
    validators.entry(schema.to_owned()).or_insert_with(build).clone()
}

/// The template of a path: of several, the one with the fewest parameters.
fn path(path: &str) -> Option<&'static str> {
    let is_parameter = |segment: &&str| segment.starts_with('{');
    let matches = |template: &&String| {
        let (template, path) = (template.split('/'), path.split('/'));
        template.clone().count() == path.clone().count()
            && template.zip(path).all(|(template, path)| template == path || is_parameter(&template) && !path.is_empty())
    };
    let templates = DOCUMENT["paths"].as_object().unwrap().keys().filter(matches);
    templates.min_by_key(|template| template.split('/').filter(is_parameter).count()).map(String::as_str)
}

fn operation(method: &Method, path: &str) -> Option<&'static Value> {
    DOCUMENT.pointer(&pointer(method, path))
}

fn pointer(method: &Method, path: &str) -> String {
    format!("/paths/{}/{}", path.replace('~', "~0").replace('/', "~1"), method.as_str().to_lowercase())
}

/// The schemas that others contain with `allOf`. They must allow other fields.
fn find_parts(schema: &Value, parts: &mut BTreeSet<String>) {
    for part in schema["allOf"].as_array().into_iter().flatten() {
        parts.extend(part["$ref"].as_str().map(str::to_owned));
    }
    match schema {
        Value::Object(members) => members.values().for_each(|member| find_parts(member, parts)),
        Value::Array(members) => members.iter().for_each(|member| find_parts(member, parts)),
        _ => {}
    }
}

/// Closes every schema of an object that lists its fields.
fn close(schema: &mut Value) {
    let Value::Object(members) = schema else {
        schema.as_array_mut().into_iter().flatten().for_each(close);
        return;
    };
    let lists_fields = members.get("type").is_some_and(|of| of == "object") && members.get("properties").is_some_and(Value::is_object);
    if (lists_fields && !members.contains_key("additionalProperties")) || members.contains_key("allOf") {
        members.insert("unevaluatedProperties".to_owned(), json!(false));
    }
    let others = members.iter_mut().filter(|(name, _)| *name != "allOf");
    others.for_each(|(_, member)| close(member));
}
