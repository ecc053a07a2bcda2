//! `allo search`: which calls hold these words, who said them, and when.

use std::ops::Range;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use serde_json::json;

use super::Context;
use super::terminal::{Palette, Style, clock_time, say, write_stdout};
use crate::audio::SampleSpan;
use crate::call::{Channel, Language};
use crate::store::{Hit, Query, Store};

/// Finds words in every kept call.
///
/// All words must occur in one utterance; accents, case, elisions and plurals do not matter.
/// Inside one pair of shell quotes: "two words" is a phrase, -word must not occur, word* is a beginning.
#[derive(Debug, Args)]
pub struct SearchArgs {
    /// What to look for
    #[arg(required = true)]
    query: Vec<String>,
    /// Said by: caller, agent, bot, mixed or channel-N
    #[arg(long)]
    channel: Option<Channel>,
    /// Said in: fr, en or nl
    #[arg(long)]
    language: Option<Language>,
    /// In calls that were routed to this intent
    #[arg(long)]
    intent: Option<String>,
    /// At most so many hits
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
    /// What is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// In the calls of `allo demo` instead of the kept ones
    #[arg(long)]
    demo: bool,
}

/// How hits are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One line a hit: file, time, channel, words
    Text,
    /// One array of objects, times in seconds
    Json,
}

/// Searches the store of [`Home`] and prints what it finds on stdout. Nothing found is no failure.
///
/// # Errors
/// No store yet, a store that cannot be read, a text that cannot be searched for.
pub fn run(context: &Context, args: SearchArgs) -> anyhow::Result<ExitCode> {
    let (file, remedy) = if args.demo {
        (super::demo::store_file(&context.home), "`allo demo` keeps its calls there")
    } else {
        (context.home.store_file(), "`allo transcribe --store PATH` keeps the calls it transcribes")
    };
    anyhow::ensure!(file.exists(), "there is no store yet: {}\nhint: {remedy}", file.display());
    let query = Query {
        text: args.query.join(" "),
        channel: args.channel,
        language: args.language,
        intent: args.intent,
        limit: args.limit,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("no runtime")?;
    let hits = runtime.block_on(async {
        let store = Store::open(&file).await?;
        let hits = store.search(&query).await;
        store.close().await;
        hits
    })?;
    if hits.is_empty() {
        // Not the query: it may be a name or a number, and stderr ends in logs.
        say("nothing found");
    }
    let printed = match args.format {
        Format::Text => text(&hits, Palette::for_stdout()),
        Format::Json => json(&hits)?,
    };
    write_stdout(&printed)?;
    Ok(ExitCode::SUCCESS)
}

/// One line a hit: file, time, channel, words.
pub(super) fn text(hits: &[Hit], palette: Palette) -> String {
    let line = |hit: &Hit| {
        let start = hit.matches.first().unwrap_or(&hit.utterance).start;
        let words = marked(hit.snippet.text.reveal(), &hit.snippet.marks, palette);
        let file = printable(&hit.source);
        format!("{file}  {:>6}  {:<6}  {words}\n", clock_time(start), hit.channel)
    };
    hits.iter().map(line).collect()
}

fn marked(text: &str, places: &[Range<usize>], palette: Palette) -> String {
    let mut out = String::new();
    let mut at = 0;
    for place in places {
        out += &printable(&text[at..place.start]);
        out += &palette.paint(Style::Bold, &printable(&text[place.clone()]));
        at = place.end;
    }
    out + &printable(&text[at..])
}

/// A file name or a text must not steer the terminal.
fn printable(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}

fn json(hits: &[Hit]) -> serde_json::Result<String> {
    let seconds = |span: &SampleSpan| json!({ "start": span.start.seconds(), "end": span.end.seconds() });
    let objects: Vec<serde_json::Value> = hits
        .iter()
        .map(|hit| {
            let marks: Vec<&str> =
                hit.snippet.marks.iter().map(|mark| &hit.snippet.text.reveal()[mark.clone()]).collect();
            json!({
                "call": hit.call.to_string(),
                "file": hit.source,
                "channel": hit.channel.to_string(),
                "language": hit.language.code(),
                "start": hit.utterance.start.seconds(),
                "end": hit.utterance.end.seconds(),
                "text": hit.snippet.text.reveal(),
                "matches": marks,
                "match_times": hit.matches.iter().map(seconds).collect::<Vec<_>>(),
                "score": hit.score,
            })
        })
        .collect();
    Ok(serde_json::to_string_pretty(&objects)? + "\n")
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use uuid::Uuid;

    use super::*;
    use crate::audio::SamplePos;
    use crate::call::CallId;
    use crate::store::Snippet;

    #[derive(Debug, Parser)]
    struct Whole {
        #[command(flatten)]
        search: SearchArgs,
    }

    fn hit(source: &str, text: &str, mark: Range<usize>) -> Hit {
        let span = |start, end| SampleSpan::new(SamplePos::from_seconds(start), SamplePos::from_seconds(end));
        Hit {
            call: CallId(Uuid::from_u128(1)),
            source: source.into(),
            channel: Channel::Caller,
            language: Language::Fr,
            utterance: span(61.0, 65.5),
            matches: vec![span(63.25, 64.0)],
            snippet: Snippet { text: text.into(), marks: vec![mark] },
            score: 1.5,
        }
    }

    #[test]
    fn a_line_names_file_time_channel_and_words() {
        let hits = [hit("appel.wav", "Ma facture est fausse", 3..10)];
        assert_eq!(text(&hits, Palette::plain()), "appel.wav  1:03.3  caller  Ma facture est fausse\n");
        assert_eq!(
            text(&hits, Palette::coloured()),
            "appel.wav  1:03.3  caller  Ma \u{1b}[1mfacture\u{1b}[0m est fausse\n"
        );
    }

    #[test]
    fn control_characters_never_reach_the_terminal() {
        let shown = text(&[hit("a\u{1b}[2J.wav", "b\u{7}b", 0..1)], Palette::plain());
        assert!(!shown.trim_end().contains(char::is_control), "{shown:?}");
    }

    #[test]
    fn json_gives_times_in_seconds() {
        let printed = json(&[hit("appel.wav", "Ma facture", 3..10)]).unwrap();
        insta::assert_snapshot!(printed, @r#"
        [
          {
            "call": "00000000-0000-0000-0000-000000000001",
            "channel": "caller",
            "end": 65.5,
            "file": "appel.wav",
            "language": "fr",
            "match_times": [
              {
                "end": 64.0,
                "start": 63.25
              }
            ],
            "matches": [
              "facture"
            ],
            "score": 1.5,
            "start": 61.0,
            "text": "Ma facture"
          }
        ]
        "#);
        assert_eq!(json(&[]).unwrap(), "[]\n");
    }

    #[test]
    fn options_stand_before_or_behind_the_words() {
        let parsed = Whole::try_parse_from(["search", "--channel", "agent", "ma", "facture -mars"]).unwrap();
        assert_eq!(parsed.search.query, ["ma", "facture -mars"]);
        assert_eq!(parsed.search.channel, Some(Channel::Agent));
        let after = Whole::try_parse_from(["search", "facture", "--limit", "5"]).unwrap();
        assert_eq!(
            (after.search.query.as_slice(), after.search.limit),
            (["facture".to_owned()].as_slice(), 5)
        );
        for wrong in [["x", "--language", "de"], ["x", "--langage", "fr"], ["x", "--limit", "0"]] {
            assert!(Whole::try_parse_from(["search"].iter().chain(&wrong)).is_err(), "{wrong:?}");
        }
        assert!(Whole::try_parse_from(["search"]).is_err());
    }
}
