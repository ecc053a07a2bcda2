use std::time::Duration;

use super::*;

/// When a delay that began at `start` is over: with the first window that reaches it.
fn after(start: f64, delay: Duration) -> f64 {
    start + (delay.as_secs_f64() / 0.032).ceil() * 0.032
}

fn dictation(config: &Config) -> Duration {
    config.dictation_delay.max(config.max_delay)
}

#[test]
fn a_turn_ends_after_the_shortest_delay_when_the_speaker_sounds_done() {
    let end = after(1.79, Config::default().min_delay);
    script()
        .silence_until(0.5)
        .speech_until(1.8)
        .silence_until(4.0)
        .expect(&[("speech 1", 0.58), ("end 1 finished", end)]);
}

#[test]
fn a_turn_ends_after_the_longest_delay_when_the_speaker_does_not_sound_done() {
    let end = after(1.79, Config::default().max_delay);
    let script = script().judge(0.1).speech_until(1.8).silence_until(4.0);
    script.expect(&[("speech 1", 0.08), ("end 1 silence", end)]);
}

#[test]
fn without_an_answer_a_turn_ends_after_the_delay_between() {
    let end = after(1.79, Config::default().unjudged_delay);
    let script = script().judge(None).text(None).speech_until(1.8).silence_until(4.0);
    script.expect(&[("speech 1", 0.08), ("end 1 silence", end)]);
}

#[test]
fn speech_that_goes_on_takes_the_work_back() {
    let script =
        script().judge(0.1).speech_until(1.0).silence_until(1.3).speech_until(2.0).silence_until(4.0);
    let asked = script.requests(|output| match output {
        Output::Speculate { request, .. } => Some(request),
        _ => None,
    });
    let cancelled = script.requests(|output| match output {
        Output::Cancel { request } => Some(request),
        _ => None,
    });
    assert_eq!(asked.len(), 2);
    assert_eq!(cancelled, [asked[0]], "the answered judgement needs no cancelling");
    let [Output::TurnEnded { speculation, .. }] = script.ends()[..] else { panic!("{:?}", script.log) };
    assert_eq!(speculation, asked[1]);
}

/// When texts were asked for that were not taken back, and when others were taken back.
fn asked(script: &Script) -> (Vec<f64>, Vec<f64>) {
    let cancelled = |request: RequestId| {
        let is_it = |output: &Output| matches!(output, Output::Cancel { request: its } if *its == request);
        script.log.iter().find(|(_, output)| is_it(output)).map(|(at, _)| *at)
    };
    let (mut kept, mut taken_back) = (Vec::new(), Vec::new());
    for (at, output) in &script.log {
        if let Output::Speculate { request, .. } = output {
            match cancelled(*request) {
                Some(at) => taken_back.push(at),
                None => kept.push(*at),
            }
        }
    }
    (kept, taken_back)
}

#[test]
fn a_text_is_asked_for_when_the_sound_falls_away_and_not_when_the_detector_says_so() {
    // The detector takes four windows to hear that nobody speaks.
    let script = script().speech_until(1.0).windows_until(1.12, (0.8, -60.0)).silence_until(3.0);
    let (kept, taken_back) = asked(&script);
    let ([at], []) = (&kept[..], &taken_back[..]) else { panic!("{:?}", script.log) };
    assert!((at - 1.056).abs() < 0.02, "{at}");
    let [Output::TurnEnded { speech, audio, .. }] = script.ends()[..] else { panic!("{:?}", script.log) };
    // The pause is counted from where the detector heard it.
    assert!((speech.end.seconds() - 1.12).abs() < 0.02 && (audio.end.seconds() - at).abs() < 0.001);
}

#[test]
fn a_voice_that_comes_again_or_goes_on_softly_takes_the_text_back() {
    let plosive = script().speech_until(1.0).windows_until(1.1, (0.9, -60.0)).speech_until(2.0);
    let (kept, taken_back) = asked(&plosive);
    assert!(kept.is_empty() && taken_back.len() == 1 && taken_back[0] < 1.2, "{taken_back:?}");
    let softly = script().speech_until(1.0).windows_until(1.5, (0.9, -60.0)).silence_until(3.0);
    let (kept, _) = asked(&softly);
    assert!(kept.len() == 1 && kept[0] > 1.28, "what was said softly is in the text: {kept:?}");
}

#[test]
fn smart_turn_is_asked_once_a_pause_and_hears_eight_seconds_at_most() {
    let script = script().judge(0.1).speech_until(12.0).silence_until(12.5);
    let script = script.speech_until(13.0).silence_until(15.0);
    let spans = script.requests(|output| match output {
        Output::Judge { span, .. } => Some(span.samples()),
        _ => None,
    });
    assert_eq!(spans, [8 * 16_000; 2]);
}

#[test]
fn a_click_starts_no_turn_and_breaks_no_pause() {
    script().speech_until(0.04).silence_until(1.0).expect(&[]);
    let end = after(0.99, Config::default().min_delay);
    script()
        .speech_until(1.0)
        .silence_until(1.1)
        .speech_until(1.13)
        .silence_until(3.0)
        .expect(&[("speech 1", 0.08), ("end 1 finished", end)]);
}

#[test]
fn a_turn_without_words_is_discarded() {
    let end = after(0.48, Config::default().min_delay);
    let script = script().text(Reading::NOTHING).judge(0.1).speech_until(0.5).silence_until(3.0);
    script.expect(&[("speech 1", 0.08), ("discarded 1", end)]);
}

#[test]
fn a_turn_that_sounds_done_waits_for_a_text_that_may_say_otherwise() {
    let config = Config { text_wait: Duration::from_millis(480), ..Config::default() };
    let late = script_with(config.clone()).text(None).speech_until(1.0).silence_until(3.0);
    late.expect(&[("speech 1", 0.08), ("end 1 finished", after(0.99, config.text_wait))]);
    let unfinished = script_with(config.clone()).text(reading(TextKind::Unfinished));
    let unfinished = unfinished.speech_until(1.0).silence_until(3.0);
    let (told, end) = (after(0.99, config.settle_delay), after(0.99, config.unfinished_delay));
    unfinished.expect(&[("speech 1", 0.08), ("part of 1", told), ("over 1 silence", end)]);
}

#[test]
fn dictation_is_given_time_and_ends_at_once_when_it_is_complete() {
    let config = Config::default();
    let patient = [("speech 1", 0.08), ("end 1 silence", after(0.99, dictation(&config)))];
    let digits = |digits| Reading { words: 3, kind: TextKind::Number, digits };
    let dictates = |expectation, text| {
        let script = script().input(Input::Expect(expectation)).judge(0.1).text(text);
        script.speech_until(1.0).silence_until(5.0)
    };
    dictates(Expectation::Digits { count: 8 }, digits(5)).expect(&patient);
    let told = ("part of 1", after(0.99, config.settle_delay));
    let over = ("over 1 silence", after(0.99, dictation(&config)));
    dictates(Expectation::Open, digits(5)).expect(&[patient[0], told, over]);
    for expectation in [Expectation::Phone, Expectation::Email, Expectation::Address, Expectation::Spelling] {
        dictates(expectation, reading(TextKind::Other)).expect(&patient);
    }
    let complete = [("speech 1", 0.08), ("end 1 complete", after(0.99, config.min_delay))];
    dictates(Expectation::Digits { count: 8 }, digits(8)).expect(&complete);
    dictates(Expectation::Phone, digits(10)).expect(&complete);
    dictates(Expectation::Email, reading(TextKind::EmailComplete)).expect(&complete);
}

#[test]
fn a_pause_within_dictated_digits_does_not_end_them() {
    let config = Config { settle_delay: Duration::ZERO, ..Config::default() };
    let end = after(2.97, dictation(&config));
    let text = Reading { words: 3, kind: TextKind::Number, digits: 4 };
    let script = script_with(config).judge(0.1).text(text).speech_until(1.0).silence_until(2.2);
    let script = script.speech_until(3.0).silence_until(6.0);
    script.expect(&[("speech 1", 0.08), ("end 1 silence", end)]);
}

#[test]
fn a_yes_to_a_question_is_taken_at_once_and_a_very_short_one_is_heard() {
    let end = after(0.06, Config::default().min_delay);
    script()
        .input(Input::Expect(Expectation::YesNo))
        .judge(0.1)
        .text(reading(TextKind::BackChannel))
        .speech_until(0.07)
        .silence_until(3.0)
        .expect(&[("speech 1", 0.06), ("end 1 complete", end)]);
}

#[test]
fn a_greeting_alone_is_given_time_to_go_on() {
    let end = after(0.58, Config::default().opening_delay);
    let script = script().text(reading(TextKind::Opening)).speech_until(0.6).silence_until(3.0);
    script.expect(&[("speech 1", 0.08), ("end 1 silence", end)]);
}

#[test]
fn a_speaker_who_was_cut_off_and_goes_on_is_joined() {
    let delay = Config::default().min_delay;
    let script = script().speech_until(1.5).silence_until(3.0).speech_until(4.0).silence_until(6.0);
    let script = script.expect(&[
        ("speech 1", 0.08),
        ("end 1 finished", after(1.47, delay)),
        ("speech 2", 3.07),
        ("end 2 finished joins 1", after(3.97, delay)),
    ]);
    let [Output::TurnEnded { audio: first, .. }, Output::TurnEnded { audio: both, speech, .. }] =
        script.ends()[..]
    else {
        panic!("{:?}", script.log)
    };
    assert_eq!(both.start, first.start);
    assert_eq!(speech.start, SamplePos::ZERO);
}

#[test]
fn who_speaks_again_later_or_after_another_had_the_floor_begins_a_new_turn() {
    let delay = Config::default().min_delay;
    let first = after(1.47, delay);
    script().speech_until(1.5).silence_until(5.0).speech_until(6.0).silence_until(8.0).expect(&[
        ("speech 1", 0.08),
        ("end 1 finished", first),
        ("speech 2", 5.06),
        ("end 2 finished", after(5.98, delay)),
    ]);
    let script = script().speech_until(1.5).silence_until(2.0).input(Input::OtherStarted);
    let script = script.silence_until(3.2).input(Input::OtherEnded).speech_until(4.2).silence_until(6.0);
    script.expect(&[
        ("speech 1", 0.08),
        ("end 1 finished", first),
        ("speech 2", 3.29),
        ("end 2 finished", after(4.19, delay)),
    ]);
}

#[test]
fn speech_interrupts_what_is_played_once() {
    let at = after(0.99, Config::default().barge_in_speech);
    let script = script().text(None).input(Input::PlaybackStarted).silence_until(1.0).speech_until(3.0);
    script.expect(&[("speech 1", 1.08), ("interrupt", at)]);
}

#[test]
fn words_interrupt_sooner_than_mere_speech() {
    let at = after(0.99, Config::default().barge_in_interval);
    let script = script().input(Input::PlaybackStarted).silence_until(1.0).speech_until(3.0);
    script.expect(&[("speech 1", 1.08), ("interrupt", at)]);
}

#[test]
fn texts_are_asked_for_sooner_while_something_is_played_that_may_be_stopped() {
    let config = Config::default();
    let first_text = |script: Script| {
        let script = script.text(None).silence_until(1.0).speech_until(1.7);
        let asked = |(at, output): &(f64, Output)| matches!(output, Output::Partial { .. }).then_some(*at);
        script.log.iter().find_map(asked).unwrap()
    };
    let is_at = |found: f64, delay| (found - after(0.99, delay)).abs() < 0.035;
    assert!(is_at(first_text(script()), config.partial_interval));
    let played = |script: Script| first_text(script.input(Input::PlaybackStarted));
    assert!(is_at(played(script()), config.barge_in_interval));
    let patient = Config { barge_in: false, ..config.clone() };
    assert!(is_at(played(script_with(patient)), config.partial_interval));
    assert!(is_at(
        played(script().input(Input::PlaybackStarted).input(Input::Dtmf)),
        config.partial_interval
    ));
}

#[test]
fn a_long_sign_of_listening_interrupts_nobody_while_its_texts_come() {
    // "D'accord, d'accord, oui", and one that takes longer than speech without a text may.
    for length in [0.9, 2.0] {
        let script = script_with(Config::default()).text(reading(TextKind::BackChannel)).text_after(0.3);
        let script = script.input(Input::PlaybackStarted).silence_until(1.0);
        let script = script.speech_until(1.0 + length).silence_until(6.0);
        let end = after(0.99 + length, Config::default().min_delay);
        script.expect(&[("speech 1", 1.08), ("end 1 complete", end)]);
    }
    // With the shortest length that the settings allow, too.
    let config = Config::default();
    let least = Config { barge_in_speech: config.barge_in_interval + config.text_wait, ..config };
    let script = script_with(least).text(reading(TextKind::BackChannel)).text_after(0.3);
    let script = script.input(Input::PlaybackStarted).silence_until(1.0).speech_until(1.9).silence_until(4.0);
    assert!(script.requests(|output| matches!(output, Output::Interrupt { .. }).then_some(())).is_empty());
    // More than that takes the floor with its first text.
    let script = script_with(Config::default()).text_after(0.3).input(Input::PlaybackStarted);
    let script = script.silence_until(1.0).speech_until(1.9);
    script.expect(&[("speech 1", 1.08), ("interrupt", 1.57)]);
}

#[test]
fn nothing_interrupts_while_playback_is_protected() {
    let config = Config { barge_in_protection: Duration::from_secs(2), ..Config::default() };
    let script = script_with(config).speech_until(0.2).input(Input::PlaybackStarted).speech_until(4.0);
    script.expect(&[("speech 1", 0.08), ("interrupt", 2.2)]);
}

#[test]
fn a_sign_of_listening_interrupts_nobody() {
    let end = after(1.37, Config::default().min_delay);
    let script = script().text(reading(TextKind::BackChannel)).input(Input::PlaybackStarted);
    let script = script.silence_until(1.0).speech_until(1.4).silence_until(4.0);
    let script = script.expect(&[("speech 1", 1.08), ("end 1 complete", end)]);
    assert!(matches!(script.ends()[..], [Output::TurnEnded { is_over_other: true, .. }]));
}

#[test]
fn who_takes_the_floor_or_answers_does_not_only_listen() {
    let is_over_other = |script: Script| {
        let script = script.text(reading(TextKind::BackChannel)).silence_until(1.0);
        let script = script.speech_until(1.4).silence_until(4.0);
        let [Output::TurnEnded { is_over_other, .. }] = script.ends()[..] else { panic!("{:?}", script.log) };
        is_over_other
    };
    let played = || script().input(Input::PlaybackStarted);
    assert!(is_over_other(played()));
    assert!(is_over_other(script().input(Input::OtherStarted)));
    assert!(!is_over_other(script()), "nobody else was heard");
    assert!(!is_over_other(played().input(Input::PlaybackEnded)));
    assert!(!is_over_other(played().input(Input::Expect(Expectation::YesNo))), "it is the answer");
    // No text comes in time: the playback is stopped, and somebody has to go on.
    let script = played().text(None).silence_until(1.0).speech_until(2.2);
    let script = script.text(reading(TextKind::BackChannel)).silence_until(5.0);
    assert!(matches!(script.ends()[..], [Output::TurnEnded { is_over_other: false, .. }]));
    assert!(script.log.iter().any(|(_, output)| matches!(output, Output::Interrupt { .. })));
}

#[test]
fn a_short_no_interrupts_when_its_text_comes_after_the_turn() {
    let script = script().text(None).input(Input::PlaybackStarted).silence_until(1.0);
    let script = script.speech_until(1.3).silence_until(3.0);
    let [Output::TurnEnded { speculation: request, .. }] = script.ends()[..] else {
        panic!("{:?}", script.log)
    };
    let script = script.input(Input::Heard { request, reading: reading(TextKind::Answer) });
    assert!(matches!(script.log.last(), Some((_, Output::Interrupt { .. }))));
}

#[test]
fn a_key_interrupts_and_ends_the_pause() {
    let script = script().judge(0.1).text(None).input(Input::PlaybackStarted);
    let script = script.speech_until(0.4).silence_until(0.6);
    let script = script.input(Input::Dtmf).silence_until(3.0);
    script.expect(&[("speech 1", 0.08), ("interrupt", 0.58), ("end 1 dtmf", 0.58)]);
}

#[test]
fn the_end_of_the_audio_ends_the_turn() {
    let window = Input::Window { speech_probability: 0.95, level_dbfs: -22.0 };
    let script = script().speech_until(1.0).input(Input::EndOfAudio).input(window);
    script.expect(&[("speech 1", 0.08), ("end 1 end_of_audio", 0.99)]);
}

#[test]
fn a_turn_too_long_for_one_final_is_cut_where_it_is_weakest() {
    let script = script().speech_until(20.0).windows_until(20.2, (0.6, -45.0));
    let script = script.speech_until(40.0).silence_until(42.0);
    let finals = script.requests(|output| match output {
        Output::Part { audio, .. } | Output::TurnEnded { audio, .. } => Some(audio),
        _ => None,
    });
    let [first, second] = finals[..] else { panic!("{finals:?}") };
    assert!((20.0..20.2).contains(&first.end.seconds()), "{finals:?}");
    assert_eq!(first.end, second.start);
}

#[test]
fn deadlines_say_what_comes_next() {
    let config = Config::default();
    let reason = |script: &Script| script.taker.next_deadline().map(|(_, reason)| reason);
    let script = script().judge(0.1).speech_until(1.0);
    assert_eq!(reason(&script), Some(Reason::Partial));
    let script = script.silence_until(1.06);
    assert!(matches!(reason(&script), Some(Reason::Speculate | Reason::Judge)));
    let script = script.silence_until(1.5);
    let (at, why) = script.taker.next_deadline().unwrap();
    // Both delays are the same by default; the end is what happens then.
    assert_eq!((config.settle_delay, why), (config.max_delay, Reason::EndTurn));
    assert!((at.seconds() - 0.992 - config.max_delay.as_secs_f64()).abs() < 0.001, "{}", at.seconds());
    let script = script.silence_until(3.0);
    assert_eq!(reason(&script), Some(Reason::RepairOver));
    assert_eq!(reason(&script.silence_until(9.0)), None);
}

/// Someone who says `digits` digits a breath, and does not sound done.
fn dictating(digits: u32) -> Script {
    script().judge(0.1).text(Reading { words: digits, kind: TextKind::Number, digits })
}

#[test]
fn a_text_is_told_in_a_long_pause_and_the_turn_goes_on() {
    let config = Config::default();
    let first = after(1.79, config.settle_delay);
    let second = after(3.58, config.settle_delay);
    let end = after(3.58, dictation(&config));
    let script = dictating(2).speech_until(1.8).silence_until(3.0).speech_until(3.6).silence_until(8.0);
    let script = script.expect(&[
        ("speech 1", 0.08),
        ("part of 1", first),
        ("part of 1", second),
        ("over 1 silence", end),
    ]);
    let parts = script.requests(|output| match output {
        Output::Part { speech, audio, .. } => Some((speech, audio)),
        _ => None,
    });
    let [(first, first_audio), (second, second_audio)] = parts[..] else { panic!("{parts:?}") };
    assert!((first.end.seconds() - 1.79).abs() < 0.035 && (second.start.seconds() - 3.0).abs() < 0.035);
    assert!(second_audio.start >= first_audio.end, "nothing is told twice");
}

#[test]
fn digits_of_told_parts_count() {
    // Five and five are a telephone number: it need not be waited for as one that goes on.
    let config = Config::default();
    let script = dictating(5).speech_until(1.8).silence_until(3.0).speech_until(3.6).silence_until(8.0);
    script.expect(&[
        ("speech 1", 0.08),
        ("part of 1", after(1.79, config.settle_delay)),
        ("end 1 silence", after(3.58, config.max_delay)),
    ]);
}

#[test]
fn a_dictation_that_was_asked_for_is_told_as_a_whole() {
    let end = after(1.79, dictation(&Config::default()));
    let script = dictating(2).input(Input::Expect(Expectation::Phone)).speech_until(1.8).silence_until(5.0);
    script.expect(&[("speech 1", 0.08), ("end 1 silence", end)]);
}

#[test]
fn where_nobody_waits_smart_turn_is_asked_no_sooner_than_its_answer_is_needed() {
    let asked_after = |script: Script| {
        let script = script.speech_until(1.8).silence_until(5.0);
        let spans = script.requests(|output| match output {
            Output::Judge { span, .. } => Some(span),
            _ => None,
        });
        let [span] = spans[..] else { panic!("asked {} times", spans.len()) };
        span.end.seconds() - 1.79
    };
    let config = Config::default();
    let late = (config.unasked_delay.as_secs_f64() - 0.4)..config.unasked_delay.as_secs_f64();
    let after = asked_after(listening(config.clone()));
    assert!(late.contains(&after), "{after}");
    assert!(asked_after(script()) < 0.2, "a dialogue waits");
}

#[test]
fn a_turn_is_told_at_its_end_only_where_that_is_wanted() {
    let config = Config { settle_delay: Duration::ZERO, ..Config::default() };
    let end = after(1.79, dictation(&config));
    let script = script_with(config).judge(0.1);
    let script = script.text(Reading { words: 2, kind: TextKind::Number, digits: 2 });
    script.speech_until(1.8).silence_until(5.0).expect(&[("speech 1", 0.08), ("end 1 silence", end)]);
}

#[test]
fn where_nobody_waits_the_text_is_told_as_soon_and_the_turn_ends_later() {
    let config = Config { text_wait: Duration::ZERO, ..Config::default() };
    let (told, end) = (after(1.79, config.unasked_settle_delay), after(1.79, config.unasked_delay));
    let script = listening(config.clone()).speech_until(1.8).silence_until(5.0);
    script.expect(&[("speech 1", 0.08), ("part of 1", told), ("over 1 finished", end)]);
    // What is said before the end belongs to the turn, and nothing has to be joined.
    let script = listening(config).speech_until(1.8).silence_until(2.55).speech_until(3.6).silence_until(4.2);
    script.expect(&[
        ("speech 1", 0.08),
        ("part of 1", told),
        ("part of 1", after(3.58, Config::default().unasked_settle_delay)),
    ]);
}

#[test]
fn what_follows_a_short_pause_is_heard_with_the_text_that_was_told_in_it() {
    let config = Config::default();
    let soon = |start| after(start, config.unasked_settle_delay);
    let script = listening(config.clone()).speech_until(1.8).silence_until(2.2).speech_until(3.6);
    // Twice in one turn, and again when it is over for all that was known.
    let script =
        script.silence_until(4.0).speech_until(5.0).silence_until(7.0).speech_until(8.0).silence_until(9.5);
    let script = script.expect(&[
        ("speech 1", 0.08),
        ("part of 1", soon(1.79)),
        ("part of 1 joins 1", soon(3.58)),
        ("part of 1 joins 1", soon(4.99)),
        ("over 1 finished", after(4.99, config.unasked_delay)),
        ("speech 2", 7.07),
        ("part of 2", soon(8.0)),
        ("over 2 finished follows 1", after(8.0, config.unasked_delay)),
    ]);
    let told = script.requests(|output| match output {
        Output::Part { audio, speech, .. } => Some((audio.start, speech.start)),
        _ => None,
    });
    assert!(told[0] == told[1] && told[1] == told[2] && told[2] < told[3], "{told:?}");
}

#[test]
fn a_text_that_asks_for_more_is_told_half_as_long_again_after_where_it_may_be_replaced() {
    let config = Config::default();
    let told = |config: &Config| {
        let script = listening(config.clone()).text(reading(TextKind::Unfinished));
        let script = script.speech_until(1.8).silence_until(5.0);
        script.log.iter().find(|(_, output)| matches!(output, Output::Part { .. })).map(|(at, _)| *at)
    };
    let is_at = |at: Option<f64>, delay| at.is_some_and(|at| (at - after(1.79, delay)).abs() < 0.035);
    assert!(is_at(told(&config), config.unasked_settle_delay * 3 / 2));
    let kept = Config { rejoin_window: Duration::ZERO, ..config };
    assert!(is_at(told(&kept), kept.settle_delay));
}

#[test]
fn what_follows_a_longer_pause_or_where_nothing_may_be_replaced_is_a_text_of_its_own() {
    let ms = Duration::from_millis;
    for (pause_s, config) in [
        (0.76, Config::default()),
        (0.4, Config { repair_window: ms(0), ..Config::default() }),
        (0.4, Config { rejoin_window: ms(0), ..Config::default() }),
        (0.4, Config { rejoin_window: ms(300), ..Config::default() }),
    ] {
        let script =
            listening(config.clone()).speech_until(1.8).silence_until(1.8 + pause_s).speech_until(3.6);
        let names: Vec<String> = script.log.iter().filter_map(|(_, output)| name(output)).collect();
        assert_eq!(names, ["speech 1", "part of 1"], "{pause_s} {config:?}");
        let ended = script.silence_until(4.0);
        let last = ended.log.iter().rev().find_map(|(_, output)| name(output));
        assert_eq!(last.as_deref(), Some("part of 1"));
    }
}

#[test]
fn nothing_new_behind_a_short_pause_discards_nothing_that_was_told() {
    let script = listening(Config::default()).speech_until(1.8).silence_until(2.2);
    let script = script.text(reading(TextKind::Nothing)).speech_until(2.5).silence_until(4.0);
    let names: Vec<String> = script.log.iter().filter_map(|(_, output)| name(output)).collect();
    assert_eq!(names, ["speech 1", "part of 1", "end 1 finished joins 1"]);
}

#[test]
fn who_goes_on_behind_a_told_text_continues_the_turn_and_nothing_is_told_twice() {
    let config = Config::default();
    let unfinished = script().text(reading(TextKind::Unfinished)).speech_until(1.0).silence_until(2.5);
    let script = unfinished.text(reading(TextKind::Other)).speech_until(3.5).silence_until(6.0);
    let script = script.expect(&[
        ("speech 1", 0.08),
        ("part of 1", after(0.99, config.settle_delay)),
        ("over 1 silence", after(0.99, config.unfinished_delay)),
        ("speech 2", 2.59),
        ("end 2 finished follows 1", after(3.49, config.min_delay)),
    ]);
    let told = script.requests(|output| match output {
        Output::Part { audio, .. } | Output::TurnEnded { audio, .. } => Some(audio),
        _ => None,
    });
    let [first, second] = told[..] else { panic!("{told:?}") };
    assert!(second.start >= first.end, "{told:?}");
    // Cut off once more: what was told of both still stays.
    let script = script.silence_until(6.1).speech_until(7.0).silence_until(9.0);
    let last = script.log.iter().rev().find_map(|(_, output)| name(output));
    assert_eq!(last.as_deref(), Some("end 3 finished follows 2"));
}

#[test]
fn a_told_number_that_goes_on_after_its_turn_keeps_its_digits() {
    // Five and five are a telephone number, also where the first five were taken to be all.
    let config = Config::default();
    let script = dictating(5).speech_until(1.8).silence_until(4.5).speech_until(5.1).silence_until(6.5);
    let script = script.expect(&[
        ("speech 1", 0.08),
        ("part of 1", after(1.79, config.settle_delay)),
        ("over 1 silence", after(1.79, dictation(&config))),
        ("speech 2", 4.58),
        ("end 2 silence follows 1", after(5.09, config.max_delay)),
    ]);
    // So does a turn whose end was told as a final behind a part.
    let script = script.text(reading(TextKind::Other)).speech_until(7.0).silence_until(9.0);
    let last = script.log.iter().rev().find_map(|(_, output)| name(output));
    assert_eq!(last.as_deref(), Some("end 3 silence follows 2"));
}

#[test]
fn a_told_turn_is_not_continued_when_another_had_the_floor() {
    let script = script().text(reading(TextKind::Unfinished)).speech_until(1.0).silence_until(2.0);
    let script = script.input(Input::OtherStarted).silence_until(3.2).input(Input::OtherEnded);
    let script = script.text(reading(TextKind::Other)).speech_until(3.9).silence_until(6.0);
    let last = script.log.iter().rev().find_map(|(_, output)| name(output));
    assert_eq!(last.as_deref(), Some("end 2 finished"));
}
