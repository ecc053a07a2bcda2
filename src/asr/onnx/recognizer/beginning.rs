//! What stands before a text: names, the start mark, the language, the task, and words that are known already.

use super::OnnxRecognizer;
use crate::asr::decode::scores::log_sum_exp;
use crate::asr::language;
use crate::asr::onnx::network::Encoded;
use crate::asr::onnx::search::{Chosen, History};
use crate::asr::{Error, LanguageChoice, Request, Task};
use crate::call::Language;

/// What a decoding knows beside its words.
#[derive(Clone, Copy)]
pub(super) struct Heard {
    pub(super) language: Language,
    pub(super) no_speech_probability: f32,
    pub(super) foreign_share: Option<f32>,
    pub(super) positions: usize,
}

impl OnnxRecognizer {
    /// Reads what stands before a text: `before`, the start mark, the language and the task. Gives what is known from it, and
    /// how many tokens that were.
    pub(super) fn read_prompt(
        &mut self,
        encoded: &Encoded,
        before: Vec<u32>,
        (request, allowed): (&Request, &[Language]),
    ) -> Result<(Heard, usize), Error> {
        self.reading.clear();
        let mut prompt = before;
        prompt.push(self.vocabulary.sot());
        let start_mark = prompt.len() - 1;
        let known = match allowed {
            [only] => Some(*only),
            _ => None,
        };
        if let Some(language) = known {
            // One pass for all of it: the scores after the start mark and those of the first token.
            prompt.extend(self.task(language, request.task));
            let last = prompt.len() - 1;
            let scored = [start_mark, last];
            let scored = if last == start_mark { &scored[..1] } else { &scored[..] };
            self.reading.read((&mut self.network, encoded), &prompt, scored)?;
            let heard = self.heard_at_start(encoded, (language, allowed), &request.language);
            let rows_before = (scored.len() - 1) * self.vocabulary.size() as usize;
            self.reading.scores.logits.drain(..rows_before);
            return Ok((heard, prompt.len()));
        }
        self.reading.read((&mut self.network, encoded), &prompt, &[start_mark])?;
        let language = self.choose_language(allowed, &request.language, request.samples.len());
        let heard = self.heard_at_start(encoded, (language, allowed), &request.language);
        let task = self.task(language, request.task);
        if let Some(last) = task.len().checked_sub(1) {
            self.reading.read((&mut self.network, encoded), &task, &[last])?;
        }
        Ok((heard, prompt.len() + task.len()))
    }

    /// What the scores after the start mark, the first of the last ones, say of the speech.
    fn heard_at_start(
        &self,
        encoded: &Encoded,
        (language, allowed): (Language, &[Language]),
        choice: &LanguageChoice,
    ) -> Heard {
        Heard {
            language,
            no_speech_probability: self.probability(self.vocabulary.no_speech()),
            foreign_share: self.foreign_share(allowed, choice),
            positions: encoded.positions,
        }
    }

    /// The share of probability on other languages than the allowed ones, where it is not known which one is spoken.
    fn foreign_share(&self, allowed: &[Language], choice: &LanguageChoice) -> Option<f32> {
        if !choice.is_open() || !self.vocabulary.is_multilingual() {
            return None;
        }
        let tokens: Vec<u32> =
            allowed.iter().filter_map(|language| self.vocabulary.language(language.code())).collect();
        let all = self.vocabulary.languages();
        let scores = self.reading.scores.logits.get(all.start as usize..all.end as usize)?;
        let scores: Vec<(f32, bool)> =
            all.zip(scores).map(|(token, score)| (*score, tokens.contains(&token))).collect();
        language::foreign_share(&scores)
    }

    /// The marks of language and task; none for a model of one language.
    fn task(&self, language: Language, task: Task) -> Vec<u32> {
        if !self.vocabulary.is_multilingual() {
            return Vec::new();
        }
        let language = self.vocabulary.language(language.code()).unwrap_or_default();
        let task = match task {
            Task::Transcribe => self.vocabulary.transcribe(),
            Task::Translate => self.vocabulary.translate(),
        };
        vec![language, task]
    }

    /// Reads what the text is known to begin with in one pass: the time stamp that fits best, then the words. Gives the
    /// tokens as if they had been searched for.
    pub(super) fn force(&mut self, encoded: &Encoded, prefix: &str) -> Result<Vec<Chosen>, Error> {
        let words = self.vocabulary.encode(&format!(" {}", prefix.trim().replace('\0', " ")));
        if prefix.trim().is_empty() || words.len() >= self.text_positions / 2 {
            return Ok(Vec::new());
        }
        let mut start = Vec::new();
        let logits = &mut self.reading.scores.logits;
        let allowed = self.rules.apply(&History::start(), logits);
        allowed.top_k(logits, 1, &mut start);
        let tokens: Vec<u32> = start.iter().map(|(token, _)| *token).chain(words).collect();
        self.reading.read((&mut self.network, encoded), &tokens, &[tokens.len() - 1])?;
        self.reading.attention.keep_each(&self.reading.scores.attention);
        let chosen =
            |(step, token)| Chosen { token, log_probability: 0.0, log_confidence: 0.0, step, row: 0 };
        Ok(tokens.into_iter().enumerate().map(chosen).collect())
    }

    /// The names as text that came before, as many from the start of the list as fit in half of the decoder's window.
    pub(super) fn prompt(&self, request: &Request) -> Vec<u32> {
        let most = self.text_positions / 2 - 1;
        let mut prompt = Vec::new();
        for name in self.settings.prompted(request) {
            let separator = if prompt.is_empty() { " " } else { ", " };
            let name = name.replace('\0', " ");
            let tokens = self.vocabulary.encode(&format!("{separator}{}", name.trim()));
            if prompt.len() + 1 + tokens.len() > most {
                break;
            }
            prompt.extend(tokens);
        }
        if !prompt.is_empty() {
            prompt.insert(0, self.vocabulary.start_of_previous());
        }
        prompt
    }

    /// Probability of one token under the first of the last scores.
    fn probability(&self, token: u32) -> f32 {
        let scores = &self.reading.scores.logits;
        let scores = &scores[..scores.len().min(self.vocabulary.size() as usize)];
        let Some(logit) = scores.get(token as usize) else { return 0.0 };
        (logit - log_sum_exp(scores)).exp().clamp(0.0, 1.0)
    }

    /// The language among `allowed`, from the scores after the start mark.
    fn choose_language(&self, allowed: &[Language], choice: &LanguageChoice, samples: usize) -> Language {
        if let [only] = allowed {
            return *only;
        }
        let score = |language: &Language| {
            let token = self.vocabulary.language(language.code());
            token
                .and_then(|token| self.reading.scores.logits.get(token as usize))
                .copied()
                .unwrap_or(f32::NEG_INFINITY)
        };
        let highest = allowed.iter().map(score).fold(f32::NEG_INFINITY, f32::max);
        let scored: Vec<_> =
            allowed.iter().map(|language| (*language, (score(language) - highest).exp())).collect();
        language::choose(&scored, samples, choice.margin(self.settings.language_margin)).unwrap_or(allowed[0])
    }
}
