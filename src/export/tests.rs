//! Snapshots of every format, hostile content, and outside readers. `ffmpeg` reads the subtitles; the NIST formats are
//! checked field by field against the grammar of their specification.

use std::process::{Command, Stdio};

use proptest::prelude::*;

use super::cues::cues;
use super::*;
use crate::audio::SamplePos;
use crate::call::{Language, Utterance, Word};

fn span(start_s: f64, end_s: f64) -> SampleSpan {
    SampleSpan::new(SamplePos::from_seconds(start_s), SamplePos::from_seconds(end_s))
}

/// Words of equal length over the span.
fn spoken(channel: Channel, times: (f64, f64), text: &str) -> Utterance {
    let count = text.split(' ').count() as f64;
    let step = (times.1 - times.0) / count;
    let words = text.split(' ').enumerate().map(|(index, word)| Word {
        text: word.into(),
        span: span(times.0 + step * index as f64, times.0 + step * (index as f64 + 0.9)),
        confidence: 0.95 - 0.01 * (index % 10) as f32,
    });
    Utterance {
        channel,
        span: span(times.0, times.1),
        language: Language::Fr,
        confidence: 0.8765,
        words: words.collect(),
        text: text.into(),
    }
}

fn without_words(mut utterance: Utterance) -> Utterance {
    utterance.words.clear();
    utterance
}

fn transcript(channels: &[Channel], utterances: Vec<Utterance>) -> Transcript {
    Transcript {
        channels: channels.to_vec(),
        end: SamplePos::from_seconds(24.5),
        language: utterances.first().map(|utterance| utterance.language),
        utterances,
    }
}

fn two_sides() -> Transcript {
    transcript(
        &[Channel::Caller, Channel::Agent],
        vec![
            spoken(Channel::Agent, (0.5, 3.2), "Bonjour, service clientèle, je vous écoute."),
            spoken(
                Channel::Caller,
                (3.0, 14.25),
                "Bonjour, j'ai un problème avec ma facture de mars : l'abonnement a été prélevé deux fois, \
             et je n'ai reçu aucune explication de votre part malgré mes relances.",
            ),
            without_words(spoken(Channel::Agent, (13.75, 16.0), "D'accord, un cœur de réseau… 12,50 € ?")),
            spoken(Channel::Caller, (16.4, 16.8), "Oui."),
        ],
    )
}

fn source(file: &str) -> Source {
    let started_at: Timestamp = "2026-03-02T09:15:00.25Z".parse().unwrap();
    Source {
        file: file.to_owned(),
        model: "whisper-base".to_owned(),
        id: recording_id(started_at, file.as_bytes()),
        started_at: Some(started_at),
        created_at: "2026-03-03T08:00:00Z".parse().unwrap(),
    }
}

fn rendered(format: Format, transcript: &Transcript) -> String {
    let source = source("appels/mars 2026/appel n° 7.wav");
    render(format, Document { source: &source, transcript, rejections: None })
}

fn pretty(json: &str) -> String {
    assert_eq!(json.matches('\n').count(), 1, "one object on one line");
    serde_json::to_string_pretty(&serde_json::from_str::<serde_json::Value>(json).unwrap()).unwrap()
}

#[test]
fn json_carries_everything() {
    insta::assert_snapshot!(pretty(&rendered(Format::Json, &two_sides())));
    // The order of the keys is part of the promise to people who read it.
    assert!(rendered(Format::Json, &two_sides()).starts_with(
        r#"{"file":"appels/mars 2026/appel n° 7.wav","duration":24.5,"language":"fr","model":"whisper-base","channels":["caller","agent"],"segments":[{"id":0,"start":0.5,"end":3.2,"channel":"agent","text":"Bonjour,"#
    ));
}

#[test]
fn text_is_readable() {
    insta::assert_snapshot!(rendered(Format::Text, &two_sides()));
}

#[test]
fn srt_names_the_speaker() {
    insta::assert_snapshot!(rendered(Format::Srt, &two_sides()));
}

#[test]
fn vtt_tags_the_voice() {
    insta::assert_snapshot!(rendered(Format::Vtt, &two_sides()));
}

#[test]
fn rttm_has_a_line_an_utterance() {
    insta::assert_snapshot!(rendered(Format::Rttm, &two_sides()));
}

#[test]
fn ctm_has_a_line_a_word() {
    insta::assert_snapshot!(rendered(Format::Ctm, &two_sides()));
}

#[test]
fn vcon_holds_parties_dialog_and_transcript() {
    let mut short = two_sides();
    short.utterances.drain(..3);
    insta::assert_snapshot!(pretty(&rendered(Format::Vcon, &short)));
}

#[test]
fn one_channel_names_no_speaker() {
    let mixed = transcript(
        &[Channel::Mixed],
        vec![
            spoken(Channel::Mixed, (1.0, 2.0), "Allô ?"),
            spoken(Channel::Mixed, (3.0, 4.0), "Oui, bonjour."),
        ],
    );
    assert_eq!(rendered(Format::Text, &mixed), "Allô ?\nOui, bonjour.\n");
    assert_eq!(
        rendered(Format::Srt, &mixed),
        "1\n00:00:01,000 --> 00:00:01,950\nAllô ?\n\n2\n00:00:03,000 --> 00:00:03,950\nOui, bonjour.\n"
    );
    assert!(!rendered(Format::Vtt, &mixed).contains("<v"));
}

#[test]
fn nothing_said_is_still_a_document() {
    let silent = transcript(&[Channel::Caller, Channel::Agent], Vec::new());
    let json = rendered(Format::Json, &silent);
    assert!(json.contains(r#""language":null"#) && json.contains(r#""segments":[],"text":"""#), "{json}");
    assert!(!json.contains("debug"));
    assert_eq!(rendered(Format::Vtt, &silent), "WEBVTT\n");
    for format in [Format::Text, Format::Srt, Format::Rttm, Format::Ctm] {
        assert_eq!(rendered(format, &silent), "", "{format}");
    }
}

#[test]
fn rejections_are_shown_only_when_asked_for() {
    let silent = transcript(&[Channel::Mixed], Vec::new());
    let rejections = [Rejection {
        channel: Channel::Mixed,
        span: span(1.0, 2.5),
        reason: "known phrase".to_owned(),
        text: "Merci d'avoir regardé".into(),
    }];
    let source = source("a.wav");
    let json = render(
        Format::Json,
        Document { source: &source, transcript: &silent, rejections: Some(&rejections) },
    );
    assert!(json.ends_with(
        "\"debug\":{\"rejections\":[{\"channel\":\"mixed\",\"start\":1.0,\"end\":2.5,\"reason\":\"known phrase\",\"text\":\"Merci d'avoir regardé\"}]}}\n"
    ), "{json}");
}

#[test]
fn format_names_round_trip() {
    for format in Format::ALL {
        assert_eq!(format.to_string().parse(), Ok(format));
    }
    assert!("docx".parse::<Format>().is_err());
    assert_eq!(Format::Text.extension(), "txt");
}

#[test]
fn the_identity_of_a_recording_is_stable_and_its_own() {
    let at: Timestamp = "2026-03-02T09:15:00Z".parse().unwrap();
    let id = recording_id(at, b"a");
    assert_eq!(id, recording_id(at, b"a"));
    assert_ne!(id, recording_id(at, b"b"));
    assert_eq!(id.get_version_num(), 8);
    assert_eq!(id.get_variant(), uuid::Variant::RFC4122);
    assert!(recording_id("2026-03-02T09:15:01Z".parse().unwrap(), b"a") > id, "sorts by time");
}

/// Texts that try to be structure.
fn hostile() -> Transcript {
    transcript(
        &[Channel::Caller, Channel::Agent],
        vec![
            spoken(Channel::Caller, (0.0, 1.0), "un\n\n2\n00:00:09,000 --> 00:00:10,000\ninjecté"),
            spoken(Channel::Agent, (0.5, 1.5), "<v Caller>faux</v> & <b>gras</b> --> {\\an8} \"cité\""),
            without_words(spoken(
                Channel::Caller,
                (2.0, 3.0),
                ";; \u{1b}[31mrouge\r\nSPEAKER x 1 0 1\u{2028}NOTE fin",
            )),
            spoken(Channel::Agent, (2.0, 3.0), "…"),
        ],
    )
}

#[test]
fn hostile_text_stays_text() {
    let text = rendered(Format::Text, &hostile());
    assert_eq!(text.lines().count(), 4);
    assert!(!text.contains('\u{1b}'));
    let srt = rendered(Format::Srt, &hostile());
    assert_eq!(srt.lines().filter(|line| line.contains("-->")).count(), 4, "{srt}");
    assert!(!srt.contains('<') && !srt.contains('{'), "{srt}");
    let vtt = rendered(Format::Vtt, &hostile());
    assert_eq!(vtt.lines().filter(|line| line.contains("-->")).count(), 4, "{vtt}");
    assert_eq!(vtt.matches('<').count(), 4, "only our own voice tags: {vtt}");
    assert!(vtt.contains("&lt;v Caller&gt;faux&lt;/v&gt; &amp;"), "{vtt}");
    check_rttm(&rendered(Format::Rttm, &hostile()), 4);
    check_ctm(&rendered(Format::Ctm, &hostile()));
    pretty(&rendered(Format::Json, &hostile()));
    pretty(&rendered(Format::Vcon, &hostile()));
}

fn check_seconds(field: &str) -> f64 {
    let (_, decimals) = field.split_once('.').unwrap();
    assert_eq!(decimals.len(), 3, "{field}");
    field.parse().unwrap()
}

/// NIST RT-09 evaluation plan, appendix A: ten fields, `SPEAKER` objects have no orthography and no confidence here.
fn check_rttm(text: &str, lines: usize) {
    assert_eq!(text.lines().count(), lines);
    for line in text.lines() {
        let fields: Vec<&str> = line.split(' ').collect();
        let [kind, file, channel, start, length, orthography, subtype, name, confidence, look_ahead] =
            fields[..]
        else {
            panic!("ten fields: {line}")
        };
        assert_eq!((kind, file), ("SPEAKER", "appel_n__7"), "{line}");
        assert!(channel == "1" || channel == "2", "{line}");
        assert!(check_seconds(start) >= 0.0 && check_seconds(length) > 0.0, "{line}");
        assert_eq!([orthography, subtype, confidence, look_ahead], ["<NA>"; 4], "{line}");
        assert!(name == "caller" || name == "agent", "{line}");
    }
}

/// CTM of the NIST scoring toolkit: six fields, ordered by channel and start, no comment lines.
fn check_ctm(text: &str) {
    let mut before = (0, 0.0);
    for line in text.lines() {
        let fields: Vec<&str> = line.split(' ').collect();
        let [file, channel, start, length, word, confidence] = fields[..] else {
            panic!("six fields: {line}")
        };
        assert_eq!(file, "appel_n__7");
        let key = (channel.parse::<u32>().unwrap(), check_seconds(start));
        assert!(key >= before, "{line} after {before:?}");
        before = key;
        assert!(check_seconds(length) > 0.0 && !word.is_empty() && !word.starts_with(";;"), "{line}");
        assert!((0.0..=1.0).contains(&confidence.parse::<f64>().unwrap()), "{line}");
    }
}

#[test]
fn nist_lines_follow_their_grammar() {
    check_rttm(&rendered(Format::Rttm, &two_sides()), 4);
    check_ctm(&rendered(Format::Ctm, &two_sides()));
}

/// Start and end of every cue as `ffmpeg` reads the file, in milliseconds.
fn ffmpeg_cues(extension: &str, content: &str) -> Option<Vec<(u64, u64)>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x").with_extension(extension);
    std::fs::write(&path, content).unwrap();
    let run = Command::new("ffmpeg")
        .args(["-v", "error", "-xerror", "-i"])
        .arg(&path)
        .args(["-f", "srt", "-"])
        .stdin(Stdio::null())
        .output();
    let Ok(output) = run else {
        assert!(std::env::var_os("CI").is_none(), "ffmpeg is missing");
        eprintln!("skipped: ffmpeg is missing");
        return None;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    // A text may hold an arrow of its own in ffmpeg's output: only lines of two times are times.
    let time = |text: &str| -> Option<u64> {
        let numbers: Vec<u64> =
            text.trim().split([':', ',']).map(|part| part.parse().ok()).collect::<Option<_>>()?;
        let [hours, minutes, seconds, milliseconds] = numbers[..] else { return None };
        Some(((hours * 60 + minutes) * 60 + seconds) * 1_000 + milliseconds)
    };
    let text = String::from_utf8(output.stdout).unwrap();
    Some(
        text.lines()
            .filter_map(|line| line.split_once(" --> "))
            .filter_map(|(start, end)| Some((time(start)?, time(end)?)))
            .collect(),
    )
}

#[test]
fn ffmpeg_reads_the_subtitles_with_the_same_times() {
    for transcript in [two_sides(), hostile()] {
        let ours: Vec<(u64, u64)> = cues(&transcript).iter().map(|cue| (cue.start_ms, cue.end_ms)).collect();
        for format in [Format::Srt, Format::Vtt] {
            let Some(read) = ffmpeg_cues(format.extension(), &rendered(format, &transcript)) else { return };
            assert_eq!(read, ours, "{format}");
        }
    }
}

proptest! {
    #[test]
    fn cues_of_a_channel_never_overlap_and_keep_every_word(
        parts in proptest::collection::vec(
            (any::<bool>(), 0.0_f64..60.0, 0.0_f64..20.0, "[a-zé,.]{1,12}( [a-zé,.?]{1,12}){0,40}", any::<bool>()),
            0..12,
        ),
    ) {
        let mut utterances: Vec<Utterance> = parts
            .into_iter()
            .map(|(is_agent, start, length, text, has_words)| {
                let channel = if is_agent { Channel::Agent } else { Channel::Caller };
                let utterance = spoken(channel, (start, start + length), &text);
                if has_words { utterance } else { without_words(utterance) }
            })
            .collect();
        utterances.sort_by_key(|utterance| utterance.span.start);
        let transcript = transcript(&[Channel::Caller, Channel::Agent], utterances);
        let cues = cues(&transcript);
        for (channel, name) in [Channel::Caller, Channel::Agent].into_iter().enumerate() {
            let mine: Vec<_> = cues.iter().filter(|cue| cue.channel == channel).collect();
            for pair in mine.windows(2) {
                prop_assert!(pair[0].end_ms <= pair[1].start_ms);
            }
            let shown: Vec<String> = mine.iter().map(|cue| cue.lines.join(" ")).collect();
            let said: Vec<&str> = transcript
                .utterances
                .iter()
                .filter(|utterance| utterance.channel == name)
                .map(|utterance| utterance.text.reveal().as_str())
                .collect();
            prop_assert_eq!(shown.join(" "), said.join(" "));
        }
        for cue in &cues {
            prop_assert!(cue.start_ms < cue.end_ms);
            prop_assert!(cue.lines.iter().map(|line| line.chars().count() + 1).sum::<usize>() <= 86);
        }
        prop_assert!(cues.is_sorted_by_key(|cue| cue.start_ms));
    }
}
