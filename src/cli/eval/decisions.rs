//! The file of `--decisions`: what became of each sentence, line by line, for whoever writes the scenario.

use std::path::Path;

use super::hypotheses::Hypotheses;
use crate::eval::intent::Asked;
use crate::eval::routing::{OUT_OF_SCOPE, Outcome, Routing};
use crate::intent::{Band, Heard};

/// Its columns.
const HEADING: &str = "intent\ttext\theard\tdone\tunderstood\tprobability\tin_scope\tright";

/// The lines, where the file was asked for.
#[derive(Debug)]
pub(super) struct Decisions {
    file: Hypotheses,
    /// The sentences as they were written, which are measured first.
    written: Vec<String>,
    lines: Vec<String>,
}

impl Decisions {
    pub(super) fn create(path: Option<&Path>) -> anyhow::Result<Self> {
        let file = Hypotheses::create_for("--decisions", path, HEADING)?;
        Ok(Self { file, written: Vec::new(), lines: Vec::new() })
    }

    /// Takes what is measured: first the sentences as they were written, then, in the same order, as they were heard, which
    /// counts then.
    pub(super) fn take(&mut self, routing: &Routing, inside: &[Asked], outside: &[Heard]) {
        if !self.file.are_wanted() {
            return;
        }
        let inside = inside.iter().map(|asked| (&asked.heard, Some(asked.intent.as_str())));
        let all: Vec<_> = inside.chain(outside.iter().map(|heard| (heard, None))).collect();
        if self.written.is_empty() {
            self.written = all.iter().map(|(heard, _)| cell(heard.text.reveal())).collect();
        }
        let line = |(written, (heard, intent)): (&String, &(&Heard, Option<&str>))| {
            let outcome = routing.outcome(heard, *intent);
            let heard = cell(heard.text.reveal());
            format!("{}\t{written}\t{heard}\t{}\n", intent.unwrap_or(OUT_OF_SCOPE), columns(&outcome))
        };
        self.lines = self.written.iter().zip(&all).map(line).collect();
    }

    /// Writes them. Comes after the report, which a full disk must not take away.
    pub(super) fn write(mut self) -> anyhow::Result<()> {
        for line in &self.lines {
            self.file.add(line);
        }
        self.file.write()
    }
}

fn columns(outcome: &Outcome) -> String {
    let Outcome { band, understood, in_scope, is_right } = outcome;
    let done = match band {
        Band::Sure => "acted",
        Band::Nearly => "confirmed",
        Band::TwoCandidates => "offered",
        Band::Lost => "asked_again",
        Band::OutOfScope => "rejected",
    };
    let intents: Vec<&str> = understood.iter().map(|(intent, _)| intent.as_str()).collect();
    let probabilities: Vec<String> =
        understood.iter().map(|(_, probability)| format!("{probability:.3}")).collect();
    let right = if *is_right { "yes" } else { "no" };
    format!("{done}\t{}\t{}\t{in_scope:.3}\t{right}", intents.join("+"), probabilities.join("+"))
}

/// A sentence as one cell.
fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::call::Language;
    use crate::eval::intent::learn;
    use crate::eval::routing::Lead;
    use crate::intent::Example;

    fn routing() -> Routing {
        let example = |text: &str, intent: &str| Example::new(text, intent, Language::Fr);
        let examples = [
            example("je veux ma facture", "facture"),
            example("une copie de la facture", "facture"),
            example("où est mon colis", "colis"),
            example("le colis n'arrive pas", "colis"),
        ];
        let lead = || Lead { route: "accueil".into(), wrong_transfer_cost: 1.0 };
        let leads = ["facture", "colis"].map(|intent| (intent.to_owned(), lead()));
        Routing { classifier: learn(&examples, None).unwrap(), leads: BTreeMap::from(leads) }
    }

    fn lines_of(measured: &[(&[Asked], &[Heard])]) -> Vec<Vec<String>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("decisions.tsv");
        let mut decisions = Decisions::create(Some(&path)).unwrap();
        for (inside, outside) in measured {
            decisions.take(&routing(), inside, outside);
        }
        decisions.write().unwrap();
        let text = std::fs::read_to_string(path).unwrap();
        text.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect()
    }

    fn asked(text: &str) -> Asked {
        Asked { heard: Heard::from(text), intent: "facture".into() }
    }

    #[test]
    fn each_sentence_is_a_line_with_what_became_of_it() {
        let lines = lines_of(&[(&[asked("ma\tfacture ?")], &[Heard::from("il pleut")])]);
        assert_eq!(lines[0], HEADING.split('\t').collect::<Vec<_>>());
        let [_, inside, outside] = lines.as_slice() else { panic!("{lines:?}") };
        assert_eq!(inside[..3], ["facture", "ma facture ?", "ma facture ?"]);
        assert_eq!(inside[4], "facture");
        assert_eq!(outside[..2], [OUT_OF_SCOPE, "il pleut"]);
        assert!(lines.iter().all(|line| line.len() == lines[0].len()), "{lines:?}");
        let probability: f32 = inside[5].parse().unwrap();
        assert!((0.0..=1.0).contains(&probability));
    }

    #[test]
    fn what_was_heard_stands_beside_what_was_written_and_counts() {
        let lines = lines_of(&[(&[asked("ma facture")], &[]), (&[asked("mon colis")], &[])]);
        assert_eq!(lines[1][..3], ["facture", "ma facture", "mon colis"]);
        assert_eq!((lines[1][4].as_str(), lines[1][7].as_str()), ("colis", "no"));
    }

    #[test]
    fn a_place_that_cannot_be_written_is_named_with_its_argument() {
        let folder = tempfile::tempdir().unwrap();
        let error =
            Decisions::create(Some(&folder.path().join("nowhere/decisions.tsv"))).unwrap_err().to_string();
        assert!(
            error.contains("nowhere/decisions.tsv") && error.contains("give --decisions a file"),
            "{error}"
        );
    }

    #[test]
    fn nothing_is_decided_twice_where_nobody_asked() {
        let mut decisions = Decisions::create(None).unwrap();
        decisions.take(&routing(), &[asked("ma facture")], &[]);
        assert!(decisions.lines.is_empty());
    }
}
