//! Which calls are answered by the bot, and how such a call is set up.

use std::sync::Arc;

use super::wishes::Wishes;
use crate::asr::LanguageChoice;
use crate::bot::config::Answer;
use crate::bot::{Bot, Facts};
use crate::call::{Channel, Language};
use crate::ingress::{CallStart, Protocol};
use crate::live::CallSetup;
use crate::serve::Service;
use crate::turn;

/// Name of the parameter by which a peer says whether its call is answered.
pub const PARAMETER: &str = "bot";

/// A call that the bot answers.
pub struct Answered {
    /// What answers it.
    pub bot: Arc<Bot>,
    /// What is known of it.
    pub facts: Facts,
}

/// Whether the bot answers the call that a peer begins, as the peer or else the configuration says.
///
/// # Errors
/// The peer asks for what cannot be done; the text is for the peer.
pub fn answered(
    bot: Option<&Arc<Bot>>,
    (protocol, wishes): (Protocol, Wishes),
    start: &CallStart,
) -> Result<Option<Answered>, &'static str> {
    let wish = wish(start, wishes)?;
    let Some(bot) = bot else {
        let refusal = "bot: no scenario is configured here for a bot ([bot] in the configuration)";
        return if wish == Some(true) { Err(refusal) } else { Ok(None) };
    };
    let is_wanted = wish.unwrap_or_else(|| bot.config().answer_on(protocol.name()) == Answer::All);
    if !is_wanted {
        return Ok(None);
    }
    match (caller(start, wishes), wish) {
        (Ok(channel), _) => {
            let facts = Facts {
                caller: start.caller.clone(),
                called: start.called.clone(),
                language: start.language,
                channel,
                can_transfer: start.can_transfer,
            };
            Ok(Some(Answered { bot: Arc::clone(bot), facts }))
        }
        (Err(why), Some(true)) => Err(why),
        (Err(_), _) => Ok(None),
    }
}

fn wish(start: &CallStart, wishes: Wishes) -> Result<Option<bool>, &'static str> {
    let parameter = start.parameters.get(PARAMETER).map(|value| value.reveal().trim().parse());
    match (wishes.bot, parameter) {
        (Some(wish), _) => Ok(Some(wish)),
        (None, Some(Ok(wish))) => Ok(Some(wish)),
        (None, Some(Err(_))) => Err("bot: must be true or false"),
        (None, None) => Ok(None),
    }
}

/// The caller, who has to be alone on a line to which can be played.
fn caller(start: &CallStart, wishes: Wishes) -> Result<(Channel, usize), &'static str> {
    if wishes.is_recording {
        return Err("bot: a recording cannot be answered");
    }
    if start.play_rate.is_none() {
        return Err("bot: nothing can be played on this stream");
    }
    match start.tracks.as_slice() {
        [track] if matches!(track.channel, Channel::Caller | Channel::Mixed) => Ok((track.channel, 0)),
        _ => Err("bot: needs a stream with the caller alone"),
    }
}

/// Sets the call up for it: languages and names to expect, patience, its words in the record.
pub fn prepare(setup: &mut CallSetup, bot: &Bot, service: &Service) {
    setup.language = heard_in(&setup.language, &bot.languages(), &service.offer.languages);
    setup.vocabulary = bot.vocabulary(&setup.vocabulary);
    setup.sentences = bot.sentences();
    setup.has_bot = true;
    if !bot.config().barge_in {
        setup.turn = Some(turn::Config { barge_in: false, ..service.turn.clone() });
    }
}

/// The languages among which a call is heard whose `scenario` speaks these: those of them that the peer's `wish` names, else
/// those that are `configured`, else all of them. A sentence that is taken for one that the scenario does not speak would lead to
/// a person, though nobody spoke it.
fn heard_in(wish: &LanguageChoice, scenario: &[Language], configured: &[Language]) -> LanguageChoice {
    let is_known = |language: &Language| scenario.contains(language);
    if let LanguageChoice::Known(language) = wish
        && is_known(language)
    {
        return LanguageChoice::Known(*language);
    }
    let shared =
        |languages: &[Language]| -> Vec<Language> { languages.iter().copied().filter(is_known).collect() };
    let choices = [shared(wish.languages()), shared(configured), scenario.to_vec()];
    LanguageChoice::Among(choices.into_iter().find(|languages| !languages.is_empty()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::Language::{En, Fr, Nl};
    use super::*;
    use crate::audio::SampleRate;
    use crate::ingress::{Parameters, Track};

    fn start(channels: &[Channel], plays: bool, bot: Option<&str>) -> CallStart {
        let rate = SampleRate::TELEPHONE;
        let parameters: Parameters =
            bot.map(|value| (PARAMETER.to_owned(), value.into())).into_iter().collect();
        CallStart {
            tracks: channels.iter().map(|channel| Track { channel: *channel, rate }).collect(),
            caller: None,
            called: None,
            peer_call_id: None,
            language: None,
            vocabulary: Vec::new(),
            parameters,
            play_rate: plays.then_some(rate),
            can_transfer: true,
        }
    }

    #[test]
    fn a_peer_that_asks_for_what_is_not_there_is_told_and_others_are_served_without() {
        let on = (Protocol::Generic, Wishes::OF_PEERS);
        let caller = &[Channel::Caller];
        assert!(
            answered(None, on, &start(caller, true, Some("true"))).err().unwrap().contains("no scenario")
        );
        assert!(
            answered(None, on, &start(caller, true, Some("yes"))).err().unwrap().contains("true or false")
        );
        assert!(answered(None, on, &start(caller, true, Some("false"))).unwrap().is_none());
        assert!(answered(None, on, &start(caller, true, None)).unwrap().is_none());
    }

    #[test]
    fn only_a_caller_alone_to_whom_can_be_played_is_answered() {
        let of = |channels: &[Channel], plays| super::caller(&start(channels, plays, None), Wishes::OF_PEERS);
        assert_eq!(of(&[Channel::Caller], true), Ok((Channel::Caller, 0)));
        assert_eq!(of(&[Channel::Mixed], true), Ok((Channel::Mixed, 0)));
        assert!(of(&[Channel::Caller], false).is_err());
        assert!(of(&[Channel::Caller, Channel::Agent], true).is_err());
        assert!(of(&[Channel::Agent], true).is_err());
        let recording = Wishes { is_recording: true, ..Wishes::OF_PEERS };
        assert!(super::caller(&start(&[Channel::Caller], true, None), recording).is_err());
    }

    #[test]
    fn a_call_is_heard_in_languages_of_its_scenario_only() {
        let check = |wish: LanguageChoice, scenario: &[Language], expected: LanguageChoice| {
            assert_eq!(heard_in(&wish, scenario, &[Fr, En]), expected, "{wish:?} {scenario:?}");
        };
        let among = |languages: &[Language]| LanguageChoice::Among(languages.to_vec());
        let anything = || among(&[Fr, En]);
        check(anything(), &[Fr], among(&[Fr]));
        check(anything(), &[Nl, En, Fr], anything());
        check(anything(), &[Nl], among(&[Nl]));
        check(LanguageChoice::Known(Nl), &[Fr, Nl], LanguageChoice::Known(Nl));
        // A peer that names what is not spoken here: whether the caller speaks it after all is heard.
        check(LanguageChoice::Known(Nl), &[Fr], among(&[Fr]));
        check(among(&[En, Nl]), &[Fr, Nl], among(&[Nl]));
        check(among(&[En]), &[Fr], among(&[Fr]));
    }
}
