//! The workspace contract's paths. Answers are the bare object or array, with numbers for ids.

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use domain::names::Kind;
use domain::spaces::{CreateChannel, CreateSpace, ListChannels, ListSpaces};
use http::StatusCode;

use super::Desk;
use super::answer::{Answer, Failure};
use super::call::Call;
use super::ids::GivenPeople;
use crate::dialects::json;
use crate::dialects::workspace::objects::{Channel, Project};

type Answered = Result<Answer, Failure>;

/// The paths.
pub(super) fn routes() -> Router<Arc<Desk>> {
    Router::new()
        .route("/api/v1/projects", get(list_projects).post(create_project))
        .route("/api/v1/projects/{id}/channels", get(list_channels).post(create_channel))
}

async fn list_projects(call: Call) -> Answered {
    let page = call.page_of(Kind::Project)?;
    let query = ListSpaces { kind: Kind::Project, page };
    call.query(query, |spaces| json(&spaces.iter().map(Project::of).collect::<Vec<_>>())).await
}

async fn create_project(call: Call) -> Answered {
    let mut fields = call.fields()?;
    let command = CreateSpace {
        kind: Kind::Project,
        name: fields.required("name")?,
        members: fields.optional::<GivenPeople>("memberIds")?.map_or_else(Vec::new, |people| people.0),
    };
    fields.end()?;
    call.command(StatusCode::CREATED, command, |space| json(&Project::of(space))).await
}

async fn list_channels(call: Call) -> Answered {
    let (project, page) = (call.room(Kind::Project)?, call.page_of(Kind::Channel)?);
    let query = ListChannels { project, page };
    call.query(query, |spaces| json(&spaces.iter().map(Channel::of).collect::<Vec<_>>())).await
}

async fn create_channel(call: Call) -> Answered {
    let project = call.room(Kind::Project)?;
    let mut fields = call.fields()?;
    let command = CreateChannel { project, name: fields.required("name")? };
    fields.end()?;
    call.command(StatusCode::CREATED, command, |space| json(&Channel::of(space))).await
}
