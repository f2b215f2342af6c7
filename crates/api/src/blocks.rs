//! The users that the caller has blocked. Responses are bare objects and arrays.

use client_json::json;
use client_json::timestamps::Milliseconds;
use domain::blocks::{Block, BlockUser, ListBlocks, UnblockUser};
use domain::command::{Command, CommandContext};
use domain::ids::UserId;
use http::StatusCode;
use rest_toolkit::ids::SpacePageQuery;
use rest_toolkit::request_context::AuthedRequest;
use rest_toolkit::response::RestResult;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;

/// The routes.
pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list_blocks)).routes(routes!(block_user, unblock_user))
}

/// Lists the users that the caller has blocked, the latest first.
#[utoipa::path(get, path = "/api/v1/blocks", params(SpacePageQuery), responses((status = 200, body = Vec<Blocked>)))]
async fn list_blocks(call: AuthedRequest) -> RestResult {
    let page = call.page_of_users()?;
    call.query(ListBlocks { page }, |blocks| json(&blocks.iter().map(Blocked::of).collect::<Vec<_>>())).await
}

/// Blocks a user, who then can neither add, mention, call nor notify the caller. In spaces of both, messages still flow.
#[utoipa::path(put, path = "/api/v1/blocks/{user}", responses((status = 200, body = Blocked), (status = 409)))]
async fn block_user(call: AuthedRequest) -> RestResult {
    let user = call.user("user", "User")?;
    call.command(StatusCode::OK, BlockUser { user }, |block| json(&Blocked::of(block))).await
}

/// Ends a block.
#[utoipa::path(delete, path = "/api/v1/blocks/{user}", responses((status = 200, body = Unblocked)))]
async fn unblock_user(call: AuthedRequest) -> RestResult {
    let user = call.user("user", "User")?;
    let command = UnblockUser { user: user.clone() };
    let work = move |context: &mut CommandContext<'_>| command.execute(context).map(|()| user);
    call.change(StatusCode::OK, work, |user: &UserId| json(&Unblocked { user_id: user.as_str() })).await
}

/// A user who is blocked.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = blocks::Blocked)]
struct Blocked<'a> {
    user_id: &'a str,
    created_at: Milliseconds,
}

impl<'a> Blocked<'a> {
    fn of(block: &'a Block) -> Self {
        Self { user_id: block.user.as_str(), created_at: Milliseconds(block.since) }
    }
}

/// A user who is no longer blocked.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = blocks::Unblocked)]
struct Unblocked<'a> {
    user_id: &'a str,
}
