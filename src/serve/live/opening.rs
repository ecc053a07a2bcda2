//! What a peer or a client asks for, as the setup of a call.

use std::time::Duration;

use crate::asr::LanguageChoice;
use crate::call::Channel;
use crate::ingress::{CallStart, Protocol};
use crate::live::{Abilities, CallSetup, Refused, Track};
use crate::serve::Service;
use crate::serve::error::ApiError;
use crate::serve::face::{Opening, Pause, Refusal};
use crate::turn;

/// A call that a peer's stream begins.
pub fn of_peer(service: &Service, protocol: Protocol, start: &CallStart) -> CallSetup {
    let tracks =
        start.tracks.iter().map(|track| Track { channel: track.channel, rate: track.rate }).collect();
    let mut setup = CallSetup::new(protocol.name(), tracks);
    setup.language = match start.language {
        Some(language) => LanguageChoice::Known(language),
        None => LanguageChoice::Among(service.offer.languages.clone()),
    };
    if let Some(id) = &start.peer_call_id {
        setup.source = format!("{}:{id}", protocol.name());
    }
    setup.abilities =
        Abilities { plays: start.play_rate.is_some(), transfers: start.can_transfer, hangs_up: true };
    setup.vocabulary = start.vocabulary.iter().map(|word| word.reveal().clone()).collect();
    setup
}

/// A call that a client of a face begins.
pub fn of_face(service: &Service, name: &'static str, opening: &Opening) -> CallSetup {
    let channel = |index| match opening.tracks {
        1 => Channel::Mixed,
        _ => Channel::Numbered(u8::try_from(index).unwrap_or(u8::MAX)),
    };
    let tracks = (0..opening.tracks).map(|index| Track { channel: channel(index), rate: opening.rate });
    let mut setup = CallSetup::new(name, tracks.collect());
    setup.language = opening.language.clone();
    setup.vocabulary = opening.vocabulary.clone();
    setup.finals_only = !opening.partials;
    setup.turn = Some(turns(&service.turn, opening.pause));
    setup
}

/// Turns as these clients understand them: they wait for the end of each and have one text of it, and what was told is never
/// taken back, so nothing is joined later.
fn turns(base: &turn::Config, pause: Option<Pause>) -> turn::Config {
    let mut config = turn::Config {
        repair_window: Duration::ZERO,
        settle_delay: Duration::ZERO,
        unasked_delay: Duration::ZERO,
        ..base.clone()
    };
    let Some(Pause { length, threshold, pre_roll }) = pause else { return config };
    config.smart_turn = false;
    config.text_wait = Duration::ZERO;
    config.speculate_after = config.speculate_after.min(length);
    for delay in [
        &mut config.min_delay,
        &mut config.unjudged_delay,
        &mut config.max_delay,
        &mut config.opening_delay,
        &mut config.unfinished_delay,
        &mut config.dictation_delay,
    ] {
        *delay = length;
    }
    if let Some(threshold) = threshold {
        // The same distance as between Silero's own two thresholds.
        config.threshold = threshold.max(0.01);
        config.negative_threshold = (threshold - 0.15).max(0.005);
    }
    config.pre_roll = pre_roll.unwrap_or(config.pre_roll);
    config
}

/// Why a call was refused, for a face.
pub fn refusal(refused: Refused) -> Refusal {
    match refused {
        Refused::Busy { retry_after } => Refusal::Busy { retry_after },
        Refused::Draining => Refusal::Stopping,
        Refused::Deaf { retry_after } => Refusal::Deaf { retry_after },
        other @ (Refused::Tracks { .. } | Refused::Invalid(_)) => {
            Refusal::Failed { message: ApiError::internal(other).public_message() }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_pause_that_a_client_may_ask_for_makes_turns_that_work() {
        for milliseconds in [100, 300, 500, 3_000, 9_000] {
            for threshold in [None, Some(0.0), Some(0.5), Some(1.0)] {
                let length = Duration::from_millis(milliseconds);
                let pause = Pause { length, threshold, pre_roll: Some(Duration::from_millis(300)) };
                let config = turns(&turn::Config::default(), Some(pause));
                assert!(config.validate().is_ok(), "{milliseconds} {threshold:?}: {:?}", config.validate());
            }
        }
        assert!(turns(&turn::Config::default(), None).validate().is_ok());
    }
}
