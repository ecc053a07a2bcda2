//! What the page of a team is told, as JSON. This is one of the places that reveal what was said.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::board::{Board, Shown, State};
use super::routes::Routes;
use super::talk::{Line, Talk};
use crate::call::CallId;
use crate::export::handover::handover_json;

/// A call with everything that is shown of it.
pub fn call_json(shown: &Shown, talk: &Talk) -> Value {
    let mut json = handover_json(&shown.handover);
    let (state, since) = match shown.state {
        State::Waiting => ("waiting", shown.handover.at),
        State::Current(taken) => ("current", taken),
        State::Ended(at) => ("ended", at),
    };
    json["state"] = state.into();
    json["since"] = since.to_string().into();
    json["lines"] = talk.lines().map(line_json).collect();
    json
}

/// A line of a call.
pub fn line_json(line: &Line) -> Value {
    json!({
        "id": line.id,
        "channel": line.channel.to_string(),
        "text": line.text.reveal(),
        "final": line.is_final,
    })
}

/// Everything that is shown for some routes. `missed` tells a reader that it was too slow for the changes in between.
pub fn snapshot_json(board: &Board, routes: &Routes, (now, missed): (Timestamp, bool)) -> Value {
    let call = |id: CallId| {
        let (shown, talk) = board.shown(id)?;
        routes.include(&shown.handover.route).then(|| call_json(shown, talk))
    };
    let calls: Vec<Value> = board.all_shown().into_iter().filter_map(call).collect();
    json!({ "now": now.to_string(), "missed": missed, "calls": calls })
}
