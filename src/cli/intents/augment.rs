//! `allo intents augment`: the examples of a scenario through a telephone line and the recogniser, and what was misheard
//! kept as examples.
//!
//! What was heard of a recording is written to a journal beside the recordings as soon as it is known, so that an
//! interrupted run goes on where it was. The file of the scenario is made of the journal at the end, in one go: from an
//! empty folder of recordings, the same examples, numbers and model give the same file.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::Args;
use sha2::{Digest, Sha256};

use super::super::Context as Surroundings;
use super::super::terminal::write_stdout;
use crate::cli::exit_code;
use crate::cli::spoken::{Line, LineArguments};
use crate::eval::manifest::Clip;
use crate::eval::misheard::{order, worth_learning};
use crate::fixtures::spoken::Sentence;
use crate::intent::Example;
use crate::scenario::{MISHEARD_COLUMNS, MISHEARD_FILE, Scenario};

/// Name of the journal in the folder of the recordings.
const JOURNAL: &str = "heard.tsv";
/// Bytes of the hash of the expected names that a line of the journal holds.
const NAMES_HASH_BYTES: usize = 4;
/// First line of the file that is made.
const MARK: &str =
    "# made by `allo intents augment`, do not edit: what was heard of the examples in the last column";

/// Arguments of `allo intents augment`.
#[derive(Debug, Args)]
pub(super) struct AugmentArguments {
    /// The scenario folder
    pub path: PathBuf,
    /// By how many voices each example is spoken
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=6))]
    per_example: u8,
    /// Speak at most this many examples, as many of each intent as of the others [default: all]
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    #[command(flatten)]
    line: LineArguments,
}

/// Runs the command.
pub(super) fn run(
    context: &Surroundings,
    arguments: &AugmentArguments,
    scenario: &Scenario,
) -> anyhow::Result<ExitCode> {
    let target = arguments.path.join(MISHEARD_FILE);
    refuse_written_by_people(&target)?;
    let chosen: Vec<usize> =
        order(&scenario.examples).into_iter().take(arguments.limit.unwrap_or(usize::MAX)).collect();
    let sentences: Vec<Sentence> =
        chosen.iter().map(|&index| spoken_form(&scenario.examples[index])).collect();
    // Without the wording of the examples: a caller says other sentences than the very ones that are spoken here.
    let line = Line::open(context, &arguments.line, (&scenario.vocabulary, Arc::default()))?;
    let takes = usize::from(arguments.per_example);
    let clips = line.speak(&sentences, takes)?;
    let mut journal = Journal::open(&line.folder().join(JOURNAL), journal_key(&line, scenario))?;
    let failed = journal.complete(&line, &clips)?;
    let heard: Vec<(usize, String)> = clips
        .iter()
        .enumerate()
        .filter_map(|(index, clip)| Some((chosen[index / takes], journal.text_of(clip)?.to_owned())))
        .collect();
    let misheard = worth_learning(&scenario.examples, &scenario.out_of_scope, &heard);
    write(&target, &misheard)?;
    write_stdout(&format!(
        "{} examples spoken by {takes} voices, {} texts misheard and kept in {}\n",
        chosen.len(),
        misheard.len(),
        target.display()
    ))?;
    Ok(exit_code(failed))
}

/// What the texts of a run depend on besides the recordings: names that the recogniser expects change what it hears.
fn journal_key(line: &Line, scenario: &Scenario) -> String {
    let names = Sha256::digest(scenario.vocabulary.join("\n").as_bytes());
    let digits: String = names.iter().take(NAMES_HASH_BYTES).map(|byte| format!("{byte:02x}")).collect();
    format!("{}+{digits}", line.model().replace(['\t', '\n'], " "))
}

fn spoken_form(example: &Example) -> Sentence {
    let text = example.text.split_whitespace().collect::<Vec<_>>().join(" ");
    Sentence { text, language: example.language }
}

/// The file is replaced only where this command made it.
fn refuse_written_by_people(target: &Path) -> anyhow::Result<()> {
    match std::fs::read_to_string(target) {
        Ok(text) if !text.starts_with(MARK) => {
            bail!("{} was not made by this command\nhint: give it another name", target.display())
        }
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot read {}", target.display()))
        }
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Under a temporary name first: a server that looks at the folder never reads half a file.
fn write(target: &Path, misheard: &[Example]) -> anyhow::Result<()> {
    let mut writer =
        csv::WriterBuilder::new().comment(Some(b'#')).from_writer(format!("{MARK}\n").into_bytes());
    writer.write_record(MISHEARD_COLUMNS)?;
    for one in misheard {
        let said = one.said.as_deref().unwrap_or_default();
        writer.write_record([&one.text, &one.intent, one.language.code(), said])?;
    }
    let bytes = writer.into_inner().context("the file cannot be put together")?;
    let unfinished = target.with_extension("part");
    std::fs::write(&unfinished, bytes)
        .and_then(|()| std::fs::rename(&unfinished, target))
        .with_context(|| format!("cannot write {}", target.display()))
}

/// What was heard of recordings: model and names, name of the recording, text, a line each. The name of a recording is
/// a hash of all that shapes it.
struct Journal {
    key: String,
    file: File,
    texts: HashMap<String, String>,
}

impl Journal {
    fn open(path: &Path, key: String) -> anyhow::Result<Self> {
        let named = || format!("cannot use {}", path.display());
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new("."))).with_context(named)?;
        let mut text = match std::fs::read_to_string(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            read => read.with_context(named)?,
        };
        // A line without its end was being written when the run before this was stopped.
        text.truncate(text.rfind('\n').map_or(0, |end| end + 1));
        let lines = text.lines().filter_map(|line| {
            let mut cells = line.split('\t');
            Some((cells.next()?, cells.next()?, cells.next()?))
        });
        let texts = lines
            .filter(|(model, _, _)| *model == key)
            .map(|(_, clip, text)| (clip.to_owned(), text.to_owned()))
            .collect();
        let file = OpenOptions::new().create(true).append(true).open(path).with_context(named)?;
        file.set_len(text.len() as u64).with_context(named)?;
        Ok(Self { key, file, texts })
    }

    fn text_of(&self, clip: &Clip) -> Option<&str> {
        self.texts.get(&name_of(clip)).map(String::as_str)
    }

    /// Hears the clips that are not in it, and says how many failed.
    fn complete(&mut self, line: &Line, clips: &[Clip]) -> anyhow::Result<usize> {
        let missing: Vec<Clip> = clips.iter().filter(|clip| self.text_of(clip).is_none()).cloned().collect();
        let (mut failed, mut written) = (0, Ok(()));
        line.hear(&missing, |index, heard| {
            match heard {
                Some(heard) => written = self.add(name_of(&missing[index]), heard.text.reveal()),
                None => failed += 1,
            }
            written.is_ok()
        });
        written.context("cannot write down what was heard")?;
        Ok(failed)
    }

    fn add(&mut self, name: String, text: &str) -> std::io::Result<()> {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        self.file.write_all(format!("{}\t{name}\t{text}\n", self.key).as_bytes())?;
        self.texts.insert(name, text);
        Ok(())
    }
}

fn name_of(clip: &Clip) -> String {
    clip.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::Language;

    #[test]
    fn a_file_that_somebody_wrote_is_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("heard.csv");
        refuse_written_by_people(&target).unwrap();
        let said = Some("#je paie, merci".to_owned());
        let misheard = [Example { said, ..Example::new("#je pèse, \"merci\"", "payer", Language::Fr) }];
        write(&target, &misheard).unwrap();
        refuse_written_by_people(&target).unwrap();
        let text = std::fs::read_to_string(&target).unwrap();
        let mut reader = csv::ReaderBuilder::new().comment(Some(b'#')).from_reader(text.as_bytes());
        let row = reader.records().next().unwrap().unwrap();
        assert_eq!(row, vec!["#je pèse, \"merci\"", "payer", "fr", "#je paie, merci"]);
        std::fs::write(&target, "text,intent,lang\nje paie,payer,fr\n").unwrap();
        let error = refuse_written_by_people(&target).unwrap_err().to_string();
        assert!(error.contains("hint: give it another name"), "{error}");
    }

    #[test]
    fn a_run_that_was_stopped_goes_on_behind_its_last_whole_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spoken").join(JOURNAL);
        let mut journal = Journal::open(&path, "base".into()).unwrap();
        journal.add("a.wav".into(), "ma  fracture\t!").unwrap();
        std::fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"base\tb.wav\tm").unwrap();
        let mut journal = Journal::open(&path, "base".into()).unwrap();
        assert_eq!(journal.texts, HashMap::from([("a.wav".to_owned(), "ma fracture !".to_owned())]));
        journal.add("b.wav".into(), "mon colis").unwrap();
        assert_eq!(Journal::open(&path, "base".into()).unwrap().texts.len(), 2);
        assert!(Journal::open(&path, "another".into()).unwrap().texts.is_empty());
    }
}
