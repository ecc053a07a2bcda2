//! Lifts the names of a vocabulary while a text is searched: shallow fusion with a prefix tree of their tokens.
//!
//! To the log-probability of a hypothesis the search adds a bonus for every token that goes along a name. The bonus is
//! lent, not given: it is there while the name grows, so that the hypothesis survives the beam, and it is taken back
//! when the name is left before its end. What a finished text has gained is the bonus times the tokens of the names
//! in it, whatever was tried on the way.
//!
//! A name begins at the beginning of a word and counts only when a word ends with it: the next token must begin with
//! a space or a mark, or be a special one. `Aeriusse` gains nothing. Of names that begin alike the longest counts.
//! A hypothesis follows one name at a time: where it leaves one, the token at which it does may begin another, the
//! tokens before it may not.
//!
//! Each name is known in several spellings: as written, in lower case, with capitals; behind a space, and behind a mark
//! (`l'Aerius`) or at the start.
//!
//! Units: natural logarithms. The tree is shared by all hypotheses; what a hypothesis carries is a [`BiasState`].

use std::collections::VecDeque;
use std::ops::Range;

use super::tokens::Vocabulary;

const ROOT: u32 = 0;

/// The names as a prefix tree over tokens. The children of a node stand side by side in rising order of their tokens.
#[derive(Debug, Clone)]
pub struct BiasTrie {
    nodes: Vec<Node>,
    /// How each text token joins its neighbours, by id.
    joints: Vec<Joint>,
    boost: f32,
}

#[derive(Debug, Clone)]
struct Node {
    token: u32,
    children: Range<u32>,
    is_name: bool,
}

/// How a token joins its neighbours. Special tokens stand apart on both sides.
#[derive(Debug, Clone, Copy)]
struct Joint {
    begins_apart: bool,
    ends_apart: bool,
}

/// Where a hypothesis is in the tree. The default is the start of a text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct BiasState {
    node: u32,
    /// Tokens whose bonus is lent.
    lent: u32,
    /// Whether the last token ends with a letter or digit, so that a word may go on.
    is_inside_word: bool,
}

impl BiasTrie {
    /// The tree of `names`, each of whose tokens is worth `boost_per_token` (natural logarithm; one that is not finite
    /// counts as 0). Takes some milliseconds and 0.05 ms a name: made once for a vocabulary, not for every segment.
    pub fn new(vocabulary: &Vocabulary, names: &[String], boost_per_token: f32) -> Self {
        let spellings = names.iter().flat_map(|name| spellings(name)).filter(|spelling| !spelling.is_empty());
        let mut paths: Vec<Vec<u32>> = spellings
            .flat_map(|spelling| [format!(" {spelling}"), spelling])
            .filter_map(|spelling| vocabulary.spell(&spelling))
            .collect();
        paths.sort_unstable();
        paths.dedup();
        let joints = (0..vocabulary.eot()).map(|id| Joint::of(vocabulary.bytes(id))).collect();
        let boost = if boost_per_token.is_finite() { boost_per_token } else { 0.0 };
        Self { nodes: nodes(&paths), joints, boost }
    }

    /// Whether there is no name, so that no step changes anything.
    pub fn is_empty(&self) -> bool {
        self.nodes.len() == 1
    }

    /// Takes one token: where the hypothesis is then, and by how much its score changes. `state` is the default or came
    /// from this tree.
    pub fn step(&self, state: BiasState, token: u32) -> (BiasState, f32) {
        let joint = self.joint(token);
        let is_inside_word = !joint.ends_apart;
        let node = self.node(state.node);
        let lent = if node.is_name && joint.begins_apart { 0 } else { state.lent };
        if state.node != ROOT
            && let Some(next) = self.child(node, token)
        {
            return (BiasState { node: next, lent: lent + 1, is_inside_word }, self.boost);
        }
        let may_begin = joint.begins_apart || !state.is_inside_word;
        let begun = if may_begin { self.child(self.node(ROOT), token) } else { None };
        let next = match begun {
            Some(node) => BiasState { node, lent: 1, is_inside_word },
            None => BiasState { node: ROOT, lent: 0, is_inside_word },
        };
        (next, self.bonus(next.lent) - self.bonus(lent))
    }

    /// By how much the score changes when the text ends here.
    pub fn finish(&self, state: BiasState) -> f32 {
        if self.node(state.node).is_name { 0.0 } else { 0.0 - self.bonus(state.lent) }
    }

    /// The tokens that go on with the name that `state` is in, then those that begin one here; none twice. A search
    /// scores these too where they are not among its best. As many as there are different first tokens of names, at most
    /// a handful more.
    pub fn continuations(&self, state: BiasState) -> impl Iterator<Item = u32> {
        let here = if state.node == ROOT { None } else { Some(self.node(state.node)) };
        let going_on = here.map(|node| self.children(node)).unwrap_or_default();
        let beginning = self.children(self.node(ROOT)).iter().map(|node| node.token).filter(move |token| {
            let may_begin = !state.is_inside_word || self.joint(*token).begins_apart;
            may_begin && here.is_none_or(|node| self.child(node, *token).is_none())
        });
        going_on.iter().map(|node| node.token).chain(beginning)
    }

    fn bonus(&self, tokens: u32) -> f32 {
        self.boost * tokens as f32
    }

    fn node(&self, index: u32) -> &Node {
        // A state of another tree is as good as the start; the root always exists.
        self.nodes.get(index as usize).unwrap_or(&self.nodes[0])
    }

    fn children(&self, node: &Node) -> &[Node] {
        self.nodes.get(node.children.start as usize..node.children.end as usize).unwrap_or_default()
    }

    fn child(&self, node: &Node, token: u32) -> Option<u32> {
        let found = self.children(node).binary_search_by_key(&token, |child| child.token).ok()?;
        Some(node.children.start + found as u32)
    }

    fn joint(&self, token: u32) -> Joint {
        self.joints.get(token as usize).copied().unwrap_or(Joint::APART)
    }
}

impl Joint {
    const APART: Self = Self { begins_apart: true, ends_apart: true };

    fn of(token: &[u8]) -> Self {
        if token.is_empty() {
            return Self::APART;
        }
        let first = (1..=4).find_map(|length| letter(token.get(..length)?));
        let last = (1..=4).find_map(|length| letter(token.get(token.len().checked_sub(length)?..)?));
        Self {
            begins_apart: first.map_or(is_start_of_mark(token), |first| !first.is_alphanumeric()),
            ends_apart: last.is_some_and(|last| !last.is_alphanumeric()),
        }
    }
}

/// The single letter that `bytes` are.
fn letter(bytes: &[u8]) -> Option<char> {
    std::str::from_utf8(bytes).ok()?.chars().next()
}

/// Whether a token that begins with part of a letter begins with part of a mark: typographic quotes, dashes and dots
/// (U+2000 to U+203F), or guillemets and the like (U+0080 to U+00BF). Other parts belong to letters.
fn is_start_of_mark(token: &[u8]) -> bool {
    token.starts_with(&[0xE2, 0x80]) || token.starts_with(&[0xC2])
}

/// The ways in which a name may be written in a text; some may be the same.
fn spellings(name: &str) -> [String; 4] {
    let written = name.split_whitespace().collect::<Vec<_>>().join(" ");
    let lower = written.to_lowercase();
    let mut title = String::with_capacity(lower.len());
    let mut is_inside_word = false;
    for letter in lower.chars() {
        if is_inside_word {
            title.push(letter);
        } else {
            title.extend(letter.to_uppercase());
        }
        is_inside_word = letter.is_alphanumeric();
    }
    let mut rest = lower.chars();
    let sentence = rest.next().into_iter().flat_map(char::to_uppercase).chain(rest.clone()).collect();
    [written, lower, title, sentence]
}

/// The tree of `paths`, which are sorted, different from each other and not empty.
fn nodes(paths: &[Vec<u32>]) -> Vec<Node> {
    let mut nodes = vec![Node { token: 0, children: 0..0, is_name: false }];
    // Nodes whose children are to be made, with their depth and the paths that go through them.
    let mut open = VecDeque::from([(0_usize, 0_usize, paths)]);
    while let Some((parent, depth, through)) = open.pop_front() {
        let start = nodes.len();
        let ending = through.iter().take_while(|path| path.len() == depth).count();
        nodes[parent].is_name = ending > 0;
        for group in through[ending..].chunk_by(|left, right| left[depth] == right[depth]) {
            open.push_back((nodes.len(), depth + 1, group));
            nodes.push(Node { token: group[0][depth], children: 0..0, is_name: false });
        }
        nodes[parent].children = start as u32..nodes.len() as u32;
    }
    nodes
}

#[cfg(test)]
mod tests;
