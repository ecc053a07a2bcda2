//! Transcribes one recording with the library.
//!
//! `cargo run --release --example transcribe_file -- fixtures/audio/fr-facture-mars.wav` prints one line an utterance:
//! `00:07.8 caller: Bonjour, …`. Takes the call for French. Needs the models of `allo models pull`.

use std::path::Path;
use std::sync::Arc;

use allo::asr::{LanguageChoice, Task};
use allo::call::Language;
use allo::config::Config;
use allo::home::Home;
use allo::media::OpenOptions;
use allo::pipeline::machinery;
use allo::pipeline::transcribe::Instructions;
use allo::progress::Progress;

fn main() -> anyhow::Result<()> {
    let Some(path) = std::env::args_os().nth(1) else {
        anyhow::bail!("usage: transcribe_file RECORDING");
    };
    let home = Home::resolve(|name| std::env::var_os(name))?;
    let transcriber = machinery::start(&Config::default(), &home)?;
    let instructions = Instructions {
        open: OpenOptions::default(),
        language: LanguageChoice::Known(Language::Fr),
        task: Task::Transcribe,
        vocabulary: Arc::new([]),
        sentences: Arc::new([]),
        channels: None,
        telephone: false,
    };
    let heard = transcriber.transcribe(Path::new(&path), &instructions, &Progress::hidden())?;
    for utterance in &heard.transcript.utterances {
        let start_s = utterance.span.start.seconds();
        let (minutes, seconds) = ((start_s / 60.0).floor(), start_s % 60.0);
        #[expect(clippy::print_stdout, reason = "the example's own output")]
        {
            println!("{minutes:02}:{seconds:04.1} {}: {}", utterance.channel, utterance.text.reveal());
        }
    }
    Ok(())
}
