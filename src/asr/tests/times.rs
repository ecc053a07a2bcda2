//! Word times of both engines beside each other and beside the truth of the fixture calls.

use super::calls::{AROUND_S, Call};
use super::*;

/// Words as they are compared, with start and end in seconds.
type Heard = Vec<(String, f64, f64)>;

fn heard(engine: &dyn Engine, samples: &[f32], language: Language) -> Heard {
    let found = recognize(engine, samples, LanguageChoice::Known(language));
    let word = |word: &RecognizedWord| {
        let text = crate::text::words_for_scoring(word.text.reveal()).concat();
        (text, word.span.start.seconds(), word.span.end.seconds())
    };
    found.words.iter().map(word).collect()
}

/// The longest common run of words, as pairs of places.
fn alike(one: &Heard, other: &Heard) -> Vec<(usize, usize)> {
    let mut length = vec![vec![0_usize; other.len() + 1]; one.len() + 1];
    for left in (0..one.len()).rev() {
        for right in (0..other.len()).rev() {
            length[left][right] = if one[left].0 == other[right].0 {
                length[left + 1][right + 1] + 1
            } else {
                length[left + 1][right].max(length[left][right + 1])
            };
        }
    }
    let (mut left, mut right, mut pairs) = (0, 0, Vec::new());
    while left < one.len() && right < other.len() {
        if one[left].0 == other[right].0 {
            pairs.push((left, right));
            (left, right) = (left + 1, right + 1);
        } else if length[left + 1][right] >= length[left][right + 1] {
            left += 1;
        } else {
            right += 1;
        }
    }
    pairs
}

/// Distances in milliseconds.
#[derive(Debug, Default)]
struct Distances(Vec<f64>);

impl Distances {
    fn add(&mut self, one_s: f64, other_s: f64) {
        self.0.push((one_s - other_s) * 1_000.0);
    }

    fn quantile(&self, of_hundred: usize) -> f64 {
        let mut sizes: Vec<f64> = self.0.iter().map(|distance| distance.abs()).collect();
        sizes.sort_by(f64::total_cmp);
        sizes[(sizes.len() * of_hundred / 100).min(sizes.len() - 1)]
    }

    fn mean(&self) -> f64 {
        self.0.iter().sum::<f64>() / self.0.len() as f64
    }

    fn show(&self, what: &str) {
        let (median, p95, mean) = (self.quantile(50), self.quantile(95), self.mean());
        eprintln!(
            "{what}: {} words, median {median:.0} ms, p95 {p95:.0} ms, mean {mean:+.0} ms",
            self.0.len()
        );
    }
}

/// What is known of the times in a piece, in seconds from its beginning.
enum Known {
    /// Where the first word begins and the last ends.
    Edges {
        start_s: f64,
        end_s: f64,
    },
    /// Where each word begins and ends.
    Words(Vec<(f64, f64)>),
    Nothing,
}

impl Known {
    /// Adds how far what was heard lies from it, starts and ends.
    fn compare(&self, heard: &Heard, [starts, ends]: &mut [Distances; 2]) {
        match self {
            Self::Edges { start_s, end_s } => {
                if let (Some(first), Some(last)) = (heard.first(), heard.last()) {
                    starts.add(first.1, *start_s);
                    ends.add(last.2, *end_s);
                }
            }
            Self::Words(known) if heard.len() == known.len() => {
                for (word, (start_s, end_s)) in heard.iter().zip(known) {
                    starts.add(word.1, *start_s);
                    ends.add(word.2, *end_s);
                }
            }
            Self::Words(known) => eprintln!("{} words for {} digits", heard.len(), known.len()),
            Self::Nothing => {}
        }
    }
}

/// A stretch that is recognised at once.
struct Piece {
    samples: Vec<f32>,
    language: Language,
    known: Known,
}

/// Pieces of one kind.
struct Group {
    name: &'static str,
    pieces: Vec<Piece>,
}

/// Synthetic voices: the first word of an utterance begins where the truth says, the last ends there.
fn calls() -> Group {
    let mut pieces = Vec::new();
    for name in ["fr-facture-mars", "en-roaming"] {
        let call = Call::read(name);
        for utterance in call.utterances() {
            let end_s = AROUND_S + utterance.end - utterance.start;
            let known = Known::Edges { start_s: AROUND_S, end_s };
            pieces.push(Piece { samples: call.clip(utterance), language: call.language(), known });
        }
    }
    Group { name: "calls", pieces }
}

/// A person reading aloud; nobody knows the true times.
fn reading() -> Option<Group> {
    let mut pieces = Vec::new();
    for number in ["0870", "0880", "0890", "0920", "0930"] {
        let samples = voice(&ENGLISH.replace("0880", number))?;
        pieces.push(Piece { samples, language: Language::En, known: Known::Nothing });
    }
    Some(Group { name: "reading", pieces })
}

/// A person saying digits, each recorded alone and cut at its loudness, one behind the other with a little silence
/// between them: every start and every end is known.
fn digits() -> Option<Group> {
    let mut pieces = Vec::new();
    for digits in [[3, 7, 1, 9, 4, 8], [5, 2, 8, 6, 7, 3], [1, 4, 6, 2, 9, 5]] {
        let mut samples = vec![0.0_f32; 4_800];
        let mut words = Vec::new();
        for digit in digits {
            let spoken = voice(&FRENCH.replace("vm-intro", &format!("digits/{digit}")))?;
            let loudest = spoken.iter().fold(0.0_f32, |one, other| one.max(other.abs()));
            let is_loud = |sample: &f32| sample.abs() > 0.03 * loudest;
            let first = spoken.iter().position(is_loud).expect("a sound");
            let last = spoken.iter().rposition(is_loud).expect("a sound");
            let start_s = samples.len() as f64 / 16_000.0;
            samples.extend(&spoken[first..=last]);
            words.push((start_s, samples.len() as f64 / 16_000.0));
            samples.extend(vec![0.0; 1_600]);
        }
        samples.extend(vec![0.0; 4_800]);
        pieces.push(Piece { samples, language: Language::Fr, known: Known::Words(words) });
    }
    Some(Group { name: "digits", pieces })
}

/// What an engine hears in each piece of each group.
fn all_heard(engine: &dyn Engine, groups: &[Group]) -> Vec<Vec<Heard>> {
    let of = |piece: &Piece| heard(engine, &piece.samples, piece.language);
    groups.iter().map(|group| group.pieces.iter().map(of).collect()).collect()
}

/// A row of the table.
type Row = (String, Distances);

fn rows(group: &Group, [starts, ends]: [Distances; 2], from: &str) -> [Row; 2] {
    [(format!("{}: starts {from}", group.name), starts), (format!("{}: ends {from}", group.name), ends)]
}

/// How far the words that both heard alike lie from each other.
fn apart(groups: &[Group], one: &[Vec<Heard>], other: &[Vec<Heard>]) -> Vec<Row> {
    let mut all = Vec::new();
    for ((group, one), other) in groups.iter().zip(one).zip(other) {
        let [mut starts, mut ends] = <[Distances; 2]>::default();
        for (one, other) in one.iter().zip(other) {
            for (left, right) in alike(one, other) {
                starts.add(one[left].1, other[right].1);
                ends.add(one[left].2, other[right].2);
            }
        }
        all.extend(rows(group, [starts, ends], "apart"));
    }
    all
}

/// How far what one engine heard lies from what is known.
fn from_truth(groups: &[Group], heard: &[Vec<Heard>]) -> Vec<Row> {
    let mut all = Vec::new();
    for (group, heard) in groups.iter().zip(heard) {
        let mut distances = <[Distances; 2]>::default();
        for (piece, heard) in group.pieces.iter().zip(heard) {
            piece.known.compare(heard, &mut distances);
        }
        all.extend(rows(group, distances, "from the truth"));
    }
    all
}

/// The most milliseconds that a row may have: its median and its p95. The medians are a little above those of BENCHMARKS.md,
/// "Word times in both engines", but for the ends of digits, which are not there; a p95 is loose, a few words make it.
type Most = (&'static str, f64, f64);

const MOST_OF_CPP: [Most; 4] = [
    ("calls: starts from the truth", 60.0, 450.0),
    ("calls: ends from the truth", 60.0, 450.0),
    ("digits: starts from the truth", 40.0, 300.0),
    ("digits: ends from the truth", 200.0, 600.0),
];
const MOST_OF_F32: [Most; 10] = [
    ("calls: starts apart", 90.0, 650.0),
    ("calls: ends apart", 110.0, 650.0),
    ("reading: starts apart", 160.0, 600.0),
    ("reading: ends apart", 185.0, 600.0),
    ("digits: starts apart", 60.0, 600.0),
    ("digits: ends apart", 150.0, 600.0),
    ("calls: starts from the truth", 100.0, 450.0),
    ("calls: ends from the truth", 100.0, 450.0),
    ("digits: starts from the truth", 40.0, 300.0),
    ("digits: ends from the truth", 200.0, 600.0),
];
/// Those of f32 with a little more room.
const MOST_OF_SHIPPED: [Most; 10] = [
    ("calls: starts apart", 110.0, 700.0),
    ("calls: ends apart", 130.0, 700.0),
    ("reading: starts apart", 180.0, 650.0),
    ("reading: ends apart", 210.0, 650.0),
    ("digits: starts apart", 80.0, 650.0),
    ("digits: ends apart", 170.0, 650.0),
    ("calls: starts from the truth", 120.0, 500.0),
    ("calls: ends from the truth", 120.0, 500.0),
    ("digits: starts from the truth", 60.0, 350.0),
    ("digits: ends from the truth", 220.0, 650.0),
];

fn show(model: &str, rows: &[Row]) {
    for (row, distances) in rows.iter().filter(|(_, distances)| !distances.0.is_empty()) {
        distances.show(&format!("{model}, {row}"));
    }
}

fn check(model: &str, rows: &[Row], most: &[Most]) {
    for (name, median_ms, p95_ms) in most {
        let (_, found) = rows.iter().find(|(row, _)| row == name).expect("a row of the table");
        assert!(found.0.len() > 10, "{model}, {name}: {} words", found.0.len());
        let [median, p95] = [50, 95].map(|of_hundred| found.quantile(of_hundred));
        assert!(median <= *median_ms, "{model}, {name}: the median is {median:.0} ms");
        assert!(p95 <= *p95_ms, "{model}, {name}: the p95 is {p95:.0} ms");
    }
}

#[test]
fn words_have_the_same_times_in_both_engines_and_in_8_bits() {
    let (Some(([cpp, f32s], _graphs)), Some(shipped)) = (both("ggml-base.bin"), shipped()) else { return };
    let (Some(reading), Some(digits)) = (reading(), digits()) else { return };
    let groups = [calls(), reading, digits];
    let by_cpp = all_heard(&*cpp, &groups);
    let of_cpp = from_truth(&groups, &by_cpp);
    let [of_f32, of_shipped] = [f32s, shipped].map(|onnx| {
        let by_onnx = all_heard(&*onnx, &groups);
        let mut rows = apart(&groups, &by_cpp, &by_onnx);
        rows.extend(from_truth(&groups, &by_onnx));
        rows
    });
    let tables = [
        ("whisper.cpp", of_cpp, &MOST_OF_CPP[..]),
        ("f32", of_f32, &MOST_OF_F32[..]),
        ("8 bits", of_shipped, &MOST_OF_SHIPPED[..]),
    ];
    tables.iter().for_each(|(model, rows, _)| show(model, rows));
    tables.iter().for_each(|(model, rows, most)| check(model, rows, most));
}
