//! Beam search over a decoder that gives scores token by token.
//!
//! The search is the original's: in every step each hypothesis is continued by its best tokens, the best continuations
//! live on, those that end are set aside; it stops when as many have ended as there are beams, or when no living one
//! can be expected to win. It is deterministic. Above temperature 0 every row is a draw of its own instead.
//!
//! The vocabulary of the call has a say inside the search: the first tokens of its names are always among the
//! candidates, and a hypothesis that spells a name is ranked higher (see [`BiasTrie`]). So have the sentences that are said
//! on it: wording as theirs is ranked higher (see [`Phrasing`]).
//!
//! Buffers are kept from search to search; in the loop over tokens nothing grows after the first few calls.

mod confidence;

use super::rules::{Allowed, Rules};
use crate::asr::Error;
use crate::asr::decode::bias::{BiasState, BiasTrie};
use crate::asr::decode::phrasing::{Phrasing, PhrasingState};
use crate::asr::repetition::{is_decoder_loop, trailing_loop};

/// A living hypothesis this far (natural logarithm) behind the best finished one is given up: it would have to gain by
/// being longer what it lost in probability.
const HOPELESS: f32 = 2.0;
/// A name's token is offered to the search only where it is at least this probable (natural logarithm): below that no
/// bonus would be honest.
const LEAST_NAME_TOKEN: f32 = -9.0;

/// A token this far (natural logarithm) below the best is never drawn; all such tokens together are less than 0.02 %.
const LEAST_DRAWN: f32 = -20.0;

/// Of hypotheses whose last tokens are the same, this many, only the best lives on: they go on alike, and what parted them is
/// decided. Of a long text all beams would else be kept by doubts about its beginning. 5 to 16 do about the same
/// (BENCHMARKS.md); at temperatures they are draws and stay.
const SAME_END: usize = 8;

/// Steps after which the decoder is told what is not needed any more, and loops are looked for.
const FORGET_EVERY: usize = 8;
/// Longest phrase, in tokens, whose repetition counts as a loop.
pub const LONGEST_LOOP_PERIOD: usize = 24;

/// What the search asks for scores.
pub trait Decoder {
    /// Feeds one token a row; each row continues the row `parents` names in the pass before.
    ///
    /// # Errors
    /// What the engine says, or that the recognition was cancelled.
    fn step(&mut self, tokens: &[u32], parents: &[usize]) -> Result<(), Error>;

    /// From now on only these rows are looked back at, by step and row, and those that they continue.
    fn forget(&mut self, needed: &[(usize, usize)]);

    /// Scores of every token after the last one of `row`; they may be written over.
    fn logits(&mut self, row: usize) -> &mut [f32];
}

/// How to search.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Hypotheses that live at the same time; 1 is greedy.
    pub beams: usize,
    /// Most tokens of a hypothesis.
    pub longest: usize,
    /// 0 for the best, above that the rows are drawn at random.
    pub temperature: f32,
}

/// What guides a search.
#[derive(Clone, Copy)]
pub struct Guide<'a> {
    /// Which tokens may come.
    pub rules: &'a Rules,
    /// The names of the call.
    pub bias: Option<&'a BiasTrie>,
    /// The wording of sentences that are said on it.
    pub phrasing: Option<&'a Phrasing>,
    /// Tokens that every hypothesis begins with. The decoder has read them, each as a step of its own; their
    /// probabilities count for nothing.
    pub forced: &'a [Chosen],
    /// How to search.
    pub settings: Settings,
}

/// One token of the tree of hypotheses.
#[derive(Debug, Clone, Copy)]
struct Node {
    token: u32,
    log_probability: f32,
    log_confidence: f32,
    /// The token before; `None` for the first.
    parent: Option<usize>,
    /// In which step and row the scores were taken that the token was chosen from.
    step: usize,
    row: usize,
}

/// A hypothesis that is still growing.
#[derive(Debug, Clone, Copy)]
struct Living {
    node: Option<usize>,
    sum: f32,
    bonus: f32,
    place: Place,
    row: usize,
}

/// Where a hypothesis is among what is expected.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    bias: BiasState,
    phrasing: PhrasingState,
}

impl Place {
    /// Takes a token: where the hypothesis is then, and by how much its score changes by names and by wording.
    fn step(self, guide: &Guide<'_>, token: u32) -> (Self, [f32; 2]) {
        let (bias, of_names) = guide.bias.map_or((self.bias, 0.0), |trie| trie.step(self.bias, token));
        let (phrasing, of_wording) =
            guide.phrasing.map_or((self.phrasing, 0.0), |phrasing| phrasing.step(self.phrasing, token));
        (Self { bias, phrasing }, [of_names, of_wording])
    }
}

#[derive(Debug, Clone, Copy)]
struct Candidate {
    parent: Living,
    token: u32,
    log_probability: f32,
    /// See [`confidence`].
    log_confidence: f32,
    delta: f32,
    /// What of `delta` is of the wording.
    of_wording: f32,
    place: Place,
}

impl Candidate {
    fn rank(&self) -> f32 {
        self.parent.sum + self.log_probability + self.parent.bonus + self.delta
    }
}

#[derive(Debug, Clone, Copy)]
struct Finished {
    node: Option<usize>,
    sum: f32,
    bonus: f32,
    length: usize,
    end: Option<Chosen>,
}

impl Finished {
    /// Mean over the tokens and the end mark. Without the mark, as CTranslate2 takes it, 120 clips of
    /// telephone speech have the same word errors.
    fn score(&self) -> f32 {
        (self.sum + self.bonus) / (self.length + 1) as f32
    }
}

/// A token of a finished hypothesis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Chosen {
    /// Its id.
    pub token: u32,
    /// Its log-probability under the rules.
    pub log_probability: f32,
    /// How sure it is that this was said, however it is written (natural logarithm).
    pub log_confidence: f32,
    /// The step and row whose attention led to it.
    pub step: usize,
    /// See `step`.
    pub row: usize,
}

/// A finished hypothesis.
#[derive(Debug, Clone, PartialEq)]
pub struct Hypothesis {
    /// Its tokens, time stamps included, the end mark not.
    pub tokens: Vec<Chosen>,
    /// The end mark; `None` for a text that was cut off at the longest.
    pub end: Option<Chosen>,
    /// Sum of their log-probabilities and that of the end mark.
    pub log_probability: f32,
    /// What the hypotheses are compared by.
    pub score: f32,
}

/// The search with its buffers.
#[derive(Debug, Default)]
pub struct Search {
    nodes: Vec<Node>,
    living: Vec<Living>,
    next: Vec<Living>,
    candidates: Vec<Candidate>,
    finished: Vec<Finished>,
    best: Vec<(u32, f32)>,
    tokens: Vec<u32>,
    parents: Vec<usize>,
    needed: Vec<(usize, usize)>,
    draws: Draws,
}

impl Search {
    /// Searches from the state of `decoder`, whose only row has read the prompt and whose logits are those of the first
    /// token. The hypotheses come best first, at least one.
    ///
    /// # Errors
    /// Those of the decoder.
    pub fn run(&mut self, decoder: &mut dyn Decoder, guide: &Guide<'_>) -> Result<Vec<Hypothesis>, Error> {
        let Guide { bias, settings, forced, .. } = *guide;
        self.nodes.clear();
        self.finished.clear();
        self.living.clear();
        self.draws = Draws::default();
        let mut place = Place::default();
        for (index, chosen) in forced.iter().enumerate() {
            let Chosen { token, log_probability, log_confidence, step, row } = *chosen;
            place.phrasing = place.step(guide, token).0.phrasing;
            let parent = index.checked_sub(1);
            self.nodes.push(Node { token, log_probability, log_confidence, parent, step, row });
        }
        let node = self.nodes.len().checked_sub(1);
        self.living.push(Living { node, sum: 0.0, bonus: 0.0, place, row: 0 });
        for step in forced.len()..forced.len() + settings.longest {
            self.collect(decoder, guide, step);
            self.choose(guide, step);
            if self.is_over(settings) {
                break;
            }
            if (step + 1).is_multiple_of(FORGET_EVERY) {
                if settings.temperature == 0.0 && self.is_turning_in_circles(guide.rules) {
                    break;
                }
                self.needed.clear();
                let living =
                    self.living.iter().filter_map(|living| living.node.map(|node| &self.nodes[node]));
                self.needed.extend(living.map(|node| (node.step, node.row)));
                let ends = self.finished.iter().filter_map(|finished| finished.end);
                self.needed.extend(ends.map(|end| (end.step, end.row)));
                decoder.forget(&self.needed);
            }
            self.tokens.clear();
            self.parents.clear();
            for living in &mut self.living {
                let node = living.node.map(|node| self.nodes[node]);
                self.tokens.push(node.map_or(0, |node| node.token));
                self.parents.push(living.row);
                living.row = self.parents.len() - 1;
            }
            decoder.step(&self.tokens, &self.parents)?;
        }
        Ok(self.results(bias))
    }

    /// The continuations of every living hypothesis.
    fn collect(&mut self, decoder: &mut dyn Decoder, guide: &Guide<'_>, step: usize) {
        let Guide { rules, bias, settings, forced, .. } = *guide;
        self.candidates.clear();
        // Drawing starts with a single row, from which every draw takes its own first token.
        let draws = if step == forced.len() { settings.beams } else { 1 };
        for living in &self.living {
            let first = self.candidates.len();
            let history = History { nodes: &self.nodes, node: living.node };
            let logits = decoder.logits(living.row);
            let allowed = rules.apply(&history, logits);
            let logits = &logits[..];
            let total = allowed.log_sum_exp(logits);
            let mut add = |token: u32, log_probability: f32| {
                let (place, [of_names, of_wording]) = living.place.step(guide, token);
                self.candidates.push(Candidate {
                    parent: *living,
                    token,
                    log_probability,
                    log_confidence: log_probability,
                    delta: of_names + of_wording,
                    of_wording,
                    place,
                });
            };
            if settings.temperature > 0.0 {
                for _ in 0..draws {
                    let token = self.draws.draw(logits, &allowed, settings.temperature);
                    add(token, logits[token as usize] - total);
                }
                continue;
            }
            allowed.top_k(logits, settings.beams * 2, &mut self.best);
            for (token, logit) in &self.best {
                add(*token, logit - total);
            }
            if let Some(trie) = bias {
                for token in trie.continuations(living.place.bias) {
                    let Some(logit) = logits.get(token as usize) else { continue };
                    let log_probability = logit - total;
                    let is_new = !self.best.iter().any(|(known, _)| *known == token);
                    if is_new && allowed.contains(token) && log_probability > LEAST_NAME_TOKEN {
                        add(token, log_probability);
                    }
                }
            }
            confidence::weigh(&mut self.candidates[first..], rules);
        }
    }

    /// Lets the best continuations live and sets aside those that end.
    fn choose(&mut self, guide: &Guide<'_>, step: usize) {
        let Guide { rules, bias, settings, .. } = *guide;
        if settings.temperature == 0.0 {
            self.candidates.sort_by(|one, other| other.rank().total_cmp(&one.rank()));
        }
        self.next.clear();
        for (place, candidate) in self.candidates.iter().enumerate() {
            if self.next.len() == settings.beams {
                break;
            }
            if !candidate.rank().is_finite() {
                continue;
            }
            let sum = candidate.parent.sum + candidate.log_probability;
            let bonus = candidate.parent.bonus + candidate.delta;
            if candidate.token == rules.end_of_text() {
                // An end that is not among the best beams of the step is no more worth than a word that is not.
                if place < settings.beams || settings.temperature > 0.0 {
                    let unfinished = bias.map_or(0.0, |trie| trie.finish(candidate.parent.place.bias));
                    let bonus = candidate.parent.bonus + unfinished;
                    let length = depth(&self.nodes, candidate.parent.node);
                    let end = Chosen {
                        token: candidate.token,
                        log_probability: candidate.log_probability,
                        log_confidence: candidate.log_confidence,
                        step,
                        row: candidate.parent.row,
                    };
                    self.finished.push(Finished {
                        node: candidate.parent.node,
                        sum,
                        bonus,
                        length,
                        end: Some(end),
                    });
                }
                continue;
            }
            if settings.temperature == 0.0 && self.ends_like_a_better_one(candidate) {
                continue;
            }
            self.nodes.push(Node {
                token: candidate.token,
                log_probability: candidate.log_probability,
                log_confidence: candidate.log_confidence,
                parent: candidate.parent.node,
                step,
                row: candidate.parent.row,
            });
            let node = Some(self.nodes.len() - 1);
            self.next.push(Living { node, sum, bonus, place: candidate.place, row: candidate.parent.row });
        }
        std::mem::swap(&mut self.living, &mut self.next);
    }

    /// Whether one of the next hypotheses, all better than the candidate, has the same last [`SAME_END`] tokens.
    fn ends_like_a_better_one(&self, candidate: &Candidate) -> bool {
        let before = |node| path(&self.nodes, node).map(|node| node.token);
        self.next.iter().any(|better| {
            let ended = [candidate.token].into_iter().chain(before(candidate.parent.node));
            before(better.node).zip(ended).take(SAME_END).filter(|(one, other)| one == other).count()
                == SAME_END
        })
    }

    /// Whether the best living hypothesis has fallen into a loop. It would not leave it before the longest text is
    /// reached, and what ends in a loop is thrown away.
    fn is_turning_in_circles(&mut self, rules: &Rules) -> bool {
        let rank = |living: &&Living| living.sum + living.bonus;
        let best = self.living.iter().max_by(|one, other| rank(one).total_cmp(&rank(other)));
        let Some(best) = best else { return false };
        self.tokens.clear();
        let text = path(&self.nodes, best.node).map(|node| node.token);
        self.tokens.extend(text.filter(|token| *token < rules.end_of_text()));
        self.tokens.reverse();
        trailing_loop(&self.tokens, LONGEST_LOOP_PERIOD).is_some_and(is_decoder_loop)
    }

    fn is_over(&self, settings: Settings) -> bool {
        if self.living.is_empty() || self.finished.len() >= settings.beams {
            return true;
        }
        if settings.temperature > 0.0 {
            return false;
        }
        let best_living = self.living.iter().map(|living| living.sum + living.bonus).fold(f32::MIN, f32::max);
        let best_finished =
            self.finished.iter().map(|finished| finished.sum + finished.bonus).fold(f32::MIN, f32::max);
        best_living + HOPELESS < best_finished
    }

    fn results(&mut self, bias: Option<&BiasTrie>) -> Vec<Hypothesis> {
        if self.finished.is_empty() {
            for living in &self.living {
                let bonus = living.bonus + bias.map_or(0.0, |trie| trie.finish(living.place.bias));
                let length = depth(&self.nodes, living.node);
                self.finished.push(Finished { node: living.node, sum: living.sum, bonus, length, end: None });
            }
        }
        self.finished.sort_by(|one, other| other.score().total_cmp(&one.score()));
        let hypothesis = |finished: &Finished| {
            let mut tokens: Vec<Chosen> = path(&self.nodes, finished.node)
                .map(|node| Chosen {
                    token: node.token,
                    log_probability: node.log_probability,
                    log_confidence: node.log_confidence,
                    step: node.step,
                    row: node.row,
                })
                .collect();
            tokens.reverse();
            Hypothesis { tokens, end: finished.end, log_probability: finished.sum, score: finished.score() }
        };
        self.finished.iter().map(hypothesis).collect()
    }
}

fn path(nodes: &[Node], last: Option<usize>) -> impl Iterator<Item = Node> {
    std::iter::successors(last.map(|node| nodes[node]), |node| node.parent.map(|parent| nodes[parent]))
}

fn depth(nodes: &[Node], last: Option<usize>) -> usize {
    path(nodes, last).count()
}

/// The tokens of a hypothesis from the last backwards.
pub struct History<'a> {
    nodes: &'a [Node],
    node: Option<usize>,
}

impl History<'_> {
    /// Before the first token.
    pub const fn start() -> Self {
        Self { nodes: &[], node: None }
    }

    /// Last token first.
    pub fn backwards(&self) -> impl Iterator<Item = u32> {
        path(self.nodes, self.node).map(|node| node.token)
    }
}

/// Random numbers of the fall-back: the same for every recognition, so that the same audio gives the same text.
#[derive(Debug)]
struct Draws(u64);

impl Default for Draws {
    fn default() -> Self {
        Self(0x9E37_79B9_7F4A_7C15)
    }
}

impl Draws {
    /// Uniform in [0, 1), by Marsaglia's xorshift64.
    fn uniform(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 40) as f32 / (1_u64 << 24) as f32
    }

    /// A token by its probability at `temperature`.
    fn draw(&mut self, logits: &[f32], allowed: &Allowed, temperature: f32) -> u32 {
        let scaled = |token: usize| logits[token] / temperature;
        let highest = allowed.tokens().map(scaled).fold(f32::MIN, f32::max);
        // Nearly all tokens are too improbable to be worth an exponential.
        let weight = |token: usize| {
            let below = scaled(token) - highest;
            if below < LEAST_DRAWN { 0.0 } else { below.exp() }
        };
        let total: f32 = allowed.tokens().map(weight).sum();
        let mut left = self.uniform() * total;
        let mut last = allowed.tokens().next().unwrap_or_default();
        for token in allowed.tokens() {
            let weight = weight(token);
            if weight > 0.0 {
                last = token;
            }
            left -= weight;
            if left < 0.0 {
                break;
            }
        }
        last as u32
    }
}

#[cfg(test)]
pub(super) mod tests;
