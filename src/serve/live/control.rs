//! `/v1/calls/{id}/control`: somebody else's voicebot plays to the caller, stops, transfers, hangs up, and says what it
//! asks for.
//!
//! One task a connection, over the same [`Controls`] that the bot of this service has. It brings no sound and is told no
//! events: those are at `/v1/calls/{id}/events`. The end of the connection ends nothing; the end of the call ends the
//! connection.

mod orders;
mod wire;

use std::sync::Arc;

use axum::extract::ws::WebSocket;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use uuid::Uuid;

use self::orders::{Error, Order, Orders};
use super::line::{Input, Line, POLICY, TOKEN, Upgrade, upgraded};
use crate::call::CallId;
use crate::live::{Command, Controls, NotTaken};
use crate::serve::Service;
use crate::serve::error::ApiError;

/// After so many refused messages in a row the client is given up, as in the generic protocol.
const ERRORS_MAX: u32 = 50;

/// Controls a call that goes on.
///
/// # Errors
/// There is no such call, the request is no WebSocket, or it has a parameter, of which none is known.
pub async fn control(
    State(service): State<Arc<Service>>,
    Path(id): Path<String>,
    Query(query): Query<Vec<(String, String)>>,
    upgrade: Upgrade,
) -> Result<Response, ApiError> {
    let missing = || ApiError::NotFound { what: "such call that goes on".to_owned() };
    let id = Uuid::parse_str(&id).map_err(|_| missing())?;
    let controls = service.live()?.controls(CallId(id)).ok_or_else(missing)?;
    if let Some((name, _)) = query.first() {
        return Err(ApiError::parameter(name.clone(), format!("`{name}` is not supported")));
    }
    let upgrade = upgraded(upgrade, &service.config.limits)?;
    Ok(upgrade.protocols([TOKEN]).on_upgrade(move |socket| steer(service, controls, socket)))
}

async fn steer(service: Arc<Service>, controls: Controls, socket: WebSocket) {
    let mut line = Line::new(socket, service);
    let mut orders = Orders::new(controls.channels().to_vec(), controls.abilities());
    let events = controls.events();
    let mut errors = 0;
    loop {
        let order = tokio::select! {
            input = line.next(None) => match input {
                Input::Text(text) => orders.text(&text),
                Input::Binary(bytes) => orders.sound(&bytes).map(Some),
                Input::Due => Ok(None),
                Input::Gone => return,
            },
            () = events.closed() => {
                line.close(1000, "the call has ended").await;
                return line.hear_out().await;
            }
        };
        let done = order.and_then(|order| match order {
            Some(order) => carry_out(&controls, order).map_err(|NotTaken| Error::Busy),
            None => Ok(()),
        });
        let Err(error) = done else {
            errors = 0;
            continue;
        };
        line.text(error.json()).await;
        errors += 1;
        if errors >= ERRORS_MAX {
            line.close(POLICY, "nothing but messages that cannot be used").await;
            return line.hear_out().await;
        }
    }
}

fn carry_out(controls: &Controls, order: Order) -> Result<(), NotTaken> {
    match order {
        Order::Command(Command::Play { samples, rate, mark }) => controls.play(samples, rate, Some(mark)),
        Order::Command(Command::Flush) => controls.flush(),
        Order::Command(Command::HangUp) => controls.hang_up(),
        Order::Command(Command::Transfer { target }) => controls.transfer(target),
        Order::Expect { track, expectation } => {
            controls.expect(track, expectation);
            Ok(())
        }
    }
}
