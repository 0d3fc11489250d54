//! The routes: what can be asked, and which part of the agent answers.

use std::path::PathBuf;
use std::sync::Arc;

use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bytes::Bytes;
use jiff::civil::Date;
use punchd_contract::{Command, Text};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::refusal::Refusal;
use super::running::Running;
use super::{MAX_BODY, REQUEST_WAITS, command as commands, fingers, listen};

/// Days at a device, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Days {
    /// The first.
    pub from: Date,
    /// The last.
    pub to: Date,
}

/// A terminal was let in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approved {
    /// The file that was added to the configuration, which has to be read again.
    pub file: PathBuf,
}

type Agent = State<Arc<Running>>;
pub(super) type Body = Result<Bytes, BytesRejection>;

/// All routes, over this agent.
pub fn router(running: Arc<Running>) -> Router {
    Router::new()
        .route("/v1/status", get(status))
        .route("/v1/head", get(head))
        .route("/v1/devices", get(devices))
        .route("/v1/devices/{name}", get(device))
        .route("/v1/devices/{name}/{command}", post(command))
        .route("/v1/approve", post(approve))
        .route("/v1/people", post(people))
        .route("/v1/decide", post(decide))
        .route("/v1/decide/boot", post(decide_boot))
        .route("/v1/deliveries/retry", post(retry))
        .route("/v1/deliveries/drop", post(drop_deliveries))
        .route("/v1/deliveries/drop-many", post(drop_many))
        .route("/v1/deliveries/order", post(order_destination))
        .route("/v1/let-through", post(let_through))
        .route("/v1/fingers/assign", post(fingers::assign))
        .route("/v1/fingers/withdraw", post(fingers::withdraw))
        .route("/v1/reload", post(reload))
        .fallback(async || Refusal::new(StatusCode::NOT_FOUND, "there is nothing at this address", "没有此地址"))
        .method_not_allowed_fallback(async || {
            Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "this address wants another method", "此地址不支持该方法")
        })
        .layer(middleware::from_fn(bounded))
        // These go on for as long as there is something to tell, each with a bound of its own.
        .route("/v1/fingers/enrol", post(fingers::enrol))
        .route("/v1/devices/{name}/listen", get(listen::listen))
        .route("/v1/command", post(commands::carry_out))
        .route("/v1/export", get(commands::export))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(running)
}

/// Nothing takes for ever.
async fn bounded(request: Request, next: Next) -> Response {
    match tokio::time::timeout(REQUEST_WAITS, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Refusal::took_too_long().into_response(),
    }
}

pub(super) fn read<T: DeserializeOwned>(body: Body) -> Result<T, Refusal> {
    let bytes = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Refusal::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "this is more than 16 MiB: send it in parts",
            "内容超过 16 MiB：请分批发送",
        ),
        status => Refusal::plain(status, rejection.body_text()),
    })?;
    serde_json::from_slice(&bytes)
        .map_err(|error| Refusal::plain(StatusCode::BAD_REQUEST, format!("the request is not understood: {error}")))
}

async fn status(State(running): Agent) -> Result<Response, Refusal> {
    Ok(Json(running.status().await?).into_response())
}

async fn head(State(running): Agent) -> Result<Response, Refusal> {
    let head = running.operations().await?.journal.head().await?;
    Ok(Json(json!({ "seq": head.seq, "digest": head.digest })).into_response())
}

async fn devices(State(running): Agent) -> Result<Response, Refusal> {
    let status = running.status().await?;
    Ok(Json(json!({ "devices": status.devices, "strangers": status.strangers })).into_response())
}

async fn device(State(running): Agent, Path(name): Path<String>) -> Result<Response, Refusal> {
    let device = running.status().await?.devices.into_iter().find(|device| device.name == name);
    Ok(Json(device.ok_or_else(|| Refusal::no_device(&name))?).into_response())
}

async fn command(
    State(running): Agent,
    Path((name, command)): Path<(String, String)>,
    body: Body,
) -> Result<Response, Refusal> {
    let command = match command.as_str() {
        "identify" => Command::Identify,
        "set-clock" => Command::SetClock,
        "read-log" => Command::ReadLog,
        "unlock" => Command::Unlock,
        "reconcile" => {
            let Days { from, to } = read(body)?;
            if to < from {
                return Err(Refusal::new(
                    StatusCode::BAD_REQUEST,
                    "the last day is before the first",
                    "结束日期早于开始日期",
                ));
            }
            Command::Reconcile { from, to }
        }
        other => {
            return Err(Refusal::new(
                StatusCode::NOT_FOUND,
                format!("there is no command {other:?}: identify, set-clock, read-log, unlock, reconcile"),
                format!("没有命令 {other:?}：可用 identify、set-clock、read-log、unlock、reconcile"),
            ));
        }
    };
    let done: Text = running.desk(&name).await?.command(command).await?.text;
    tracing::info!(device = name, "an operator's command was carried out: {}", done.en);
    Ok(Json(done).into_response())
}

async fn approve(State(running): Agent, body: Body) -> Result<Response, Refusal> {
    let file = running.operations().await?.approve(read(body)?).await?;
    Ok(Json(Approved { file }).into_response())
}

async fn people(State(running): Agent, body: Body) -> Result<Response, Refusal> {
    Ok(Json(running.operations().await?.import(read(body)?).await?).into_response())
}

async fn decide(State(running): Agent, body: Body) -> Result<Response, Refusal> {
    Ok(Json(running.operations().await?.decide(read(body)?).await?).into_response())
}

async fn decide_boot(State(running): Agent, body: Body) -> Result<Response, Refusal> {
    Ok(Json(running.operations().await?.decide_boot(read(body)?).await?).into_response())
}

async fn retry(State(running): Agent, body: Body) -> Result<Response, Refusal> {
    Ok(Json(running.operations().await?.retry_deliveries(read(body)?).await?).into_response())
}

async fn drop_deliveries(State(running): Agent, body: Body) -> Result<Response, Refusal> {
    Ok(Json(running.operations().await?.drop_deliveries(read(body)?).await?).into_response())
}

async fn drop_many(State(running): Agent, body: Body) -> Result<Response, Refusal> {
    Ok(Json(running.operations().await?.drop_many(read(body)?).await?).into_response())
}

async fn order_destination(State(running): Agent, body: Body) -> Result<Response, Refusal> {
    Ok(Json(running.operations().await?.order_destination(read(body)?).await?).into_response())
}

async fn let_through(State(running): Agent, body: Body) -> Result<Response, Refusal> {
    Ok(Json(running.operations().await?.let_through(read(body)?).await?).into_response())
}

async fn reload(State(running): Agent) -> Result<Response, Refusal> {
    Ok(Json(running.reload().await?).into_response())
}
