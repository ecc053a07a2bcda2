//! The plain form of chan_websocket's control messages: a name, then `key:value` words; a bare word is an id.

use super::wire::Received;
use crate::ingress::text::Number;

/// Reads one line; `None` when a number is none or the line has no name.
pub(super) fn read(line: &str) -> Option<Received> {
    let mut words = line.split_ascii_whitespace();
    let mut received = Received { event: words.next()?.to_owned(), ..Received::default() };
    for word in words {
        let Some((key, value)) = word.split_once(':') else {
            received.correlation_id = Some(word.to_owned());
            continue;
        };
        let value = value.to_owned();
        match key {
            "connection_id" => received.connection_id = Some(value),
            "channel_id" => received.channel_id = Some(value),
            "format" => received.format = Some(value),
            "optimal_frame_size" => received.optimal_frame_size = Some(Number(value.parse().ok()?)),
            "digit" => received.digit = Some(value),
            "correlation_id" => received.correlation_id = Some(value),
            // Names that a later version adds say nothing to us.
            _ => {}
        }
    }
    Some(received)
}
