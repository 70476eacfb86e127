//! Texts as points: which documents mean something near, whatever their words.
//!
//! Kept in memory, eight bits a number; where they come from and are kept for good is not known here. Up to
//! [`EXACT_MAX`] of them are all looked at; beyond, the signs of their numbers choose whom to look at.

use std::collections::HashMap;
use std::sync::OnceLock;

use uuid::Uuid;

use crate::Nearness;

/// Numbers of one vector.
pub const DIMENSIONS: usize = 512;
/// Of them so many are multiplied side by side; there is no rest.
const PARTS: usize = 16;
const _: () = assert!(DIMENSIONS.is_multiple_of(PARTS));
/// So many are all compared.
pub const EXACT_MAX: usize = 100_000;
/// Vectors from which it can be told what all texts have in common.
const COMMON_MIN: usize = 256;
/// And at most so many are looked at for that.
const COMMON_SAMPLE: usize = 4_096;
/// Directions that say what kind of text it is (its language, its length) rather than what it is about.
const COMMON_AXES: usize = 3;
const COMMON_ROUNDS: usize = 24;
/// Texts whose nearest ones tell how crowded a place is, and how many of them do.
const CROWD_SAMPLE: usize = 1_024;
const CROWD: usize = 10;
/// Of these it is told how crowded a usual place is.
const USUAL_SAMPLE: usize = 256;
/// What a text loses of its topic for as much as its place is more crowded than usual, for there it is near to whatever is asked; in an emptier
/// one it gains as much.
const CROWDED: f32 = 0.3;

/// A text as a point: a direction, in eight bits a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vector([i8; DIMENSIONS]);

impl Vector {
    /// Rounds to eight bits a number; the length is forgotten. `None` where there are not [`DIMENSIONS`] numbers.
    pub fn of(numbers: &[f32]) -> Option<Self> {
        let largest = numbers.iter().fold(0.0_f32, |largest, number| largest.max(number.abs()));
        if largest == 0.0 || !largest.is_finite() {
            return None;
        }
        #[expect(clippy::cast_possible_truncation, reason = "in -127..=127")]
        let rounded: Vec<i8> = numbers.iter().map(|number| (number / largest * 127.0).round() as i8).collect();
        Some(Self(rounded.try_into().ok()?))
    }

    /// As it was kept.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let numbers: Vec<i8> = bytes.iter().map(|byte| byte.cast_signed()).collect();
        Some(Self(numbers.try_into().ok()?))
    }

    /// To be kept.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().map(|number| number.cast_unsigned()).collect()
    }

    fn length(&self) -> f32 {
        precise(dot(&self.0, &self.0)).sqrt()
    }

    fn direction(&self) -> Vec<f32> {
        let length = self.length().max(f32::MIN_POSITIVE);
        self.0.iter().map(|number| f32::from(*number) / length).collect()
    }

    /// The sign of each number.
    fn signs(&self) -> Signs {
        let mut signs = [0_u64; DIMENSIONS / 64];
        for (at, _) in self.0.iter().enumerate().filter(|(_, number)| **number > 0) {
            signs[at / 64] |= 1 << (at % 64);
        }
        signs
    }
}

type Signs = [u64; DIMENSIONS / 64];

#[expect(clippy::cast_precision_loss, reason = "rounded it compares the same")]
fn precise(number: i32) -> f32 {
    number as f32
}

fn dot(one: &[i8; DIMENSIONS], other: &[i8; DIMENSIONS]) -> i32 {
    one.iter().zip(other).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum()
}

/// What all texts have in common: their mean, and the axes along which they differ most; and where there are many.
pub(crate) struct Common {
    mean: Vec<f32>,
    axes: Vec<Vec<f32>>,
    /// What is left of some, and its length.
    sample: Vec<(Uuid, Vector, f32)>,
    /// How crowded a usual place is.
    usual: f32,
}

impl Common {
    /// By orthogonal iteration on the covariance.
    fn of(sample: &[&Row]) -> Self {
        let directions: Vec<Vec<f32>> = sample.iter().map(|row| row.vector.direction()).collect();
        let share = 1.0 / precise(i32::try_from(directions.len()).unwrap_or(i32::MAX));
        let mut mean = vec![0.0; DIMENSIONS];
        for direction in &directions {
            add(&mut mean, direction, share);
        }
        let centred: Vec<Vec<f32>> = directions
            .into_iter()
            .map(|mut direction| {
                add(&mut direction, &mean, -1.0);
                direction
            })
            .collect();
        let mut axes: Vec<Vec<f32>> = (0..COMMON_AXES)
            .map(|n| (0..DIMENSIONS).map(|at| if at % COMMON_AXES == n { 1.0 } else { 0.0 }).collect())
            .collect();
        orthonormal(&mut axes);
        for _ in 0..COMMON_ROUNDS {
            axes = axes
                .iter()
                .map(|axis| {
                    let mut next = vec![0.0; DIMENSIONS];
                    for direction in &centred {
                        add(&mut next, direction, product(direction, axis));
                    }
                    next
                })
                .collect();
            orthonormal(&mut axes);
        }
        let mut common = Self { mean, axes, sample: Vec::new(), usual: 0.0 };
        let left = |row: &&Row| {
            let left = Vector::of(&common.without(&row.vector))?;
            let length = left.length();
            Some((row.id, left, length))
        };
        common.sample = sample.iter().take(CROWD_SAMPLE).filter_map(left).collect();
        let usual = common.sample.iter().take(USUAL_SAMPLE);
        let crowds: Vec<f32> = usual.map(|(id, of, _)| common.crowd(*id, of)).collect();
        common.usual = mean_of(&crowds);
        common
    }

    /// How crowded the place of a text is: its mean nearness to those of the sample that are nearest to it (as in the local scaling of
    /// Conneau et al., Word Translation without Parallel Data, 2018).
    fn crowd(&self, id: Uuid, of: &Vector) -> f32 {
        let length = of.length();
        let others = self.sample.iter().filter(|(other, ..)| *other != id);
        let mut near: Vec<f32> = others
            .map(|(_, other, its)| precise(dot(&of.0, &other.0)) / (length * its).max(f32::MIN_POSITIVE))
            .collect();
        near.sort_unstable_by(|a, b| b.total_cmp(a));
        near.truncate(CROWD);
        mean_of(&near)
    }

    /// What is left of a vector without it.
    fn without(&self, vector: &Vector) -> Vec<f32> {
        let mut left = vector.direction();
        add(&mut left, &self.mean, -1.0);
        for axis in &self.axes {
            let along = product(&left, axis);
            add(&mut left, axis, -along);
        }
        left
    }
}

fn unit(mut of: Vec<f32>) -> Vec<f32> {
    let length = product(&of, &of).sqrt().max(f32::MIN_POSITIVE);
    of.iter_mut().for_each(|number| *number /= length);
    of
}

fn mean_of(numbers: &[f32]) -> f32 {
    numbers.iter().sum::<f32>() / precise(i32::try_from(numbers.len().max(1)).unwrap_or(i32::MAX))
}

/// In parts, which a processor multiplies side by side.
fn product(one: &[f32], other: &[f32]) -> f32 {
    let mut parts = [0.0_f32; PARTS];
    for (one, other) in one.chunks_exact(PARTS).zip(other.chunks_exact(PARTS)) {
        for ((part, a), b) in parts.iter_mut().zip(one).zip(other) {
            *part += a * b;
        }
    }
    parts.iter().sum()
}

fn add(to: &mut [f32], what: &[f32], times: f32) {
    to.iter_mut().zip(what).for_each(|(to, what)| *to += what * times);
}

/// Gram-Schmidt.
fn orthonormal(axes: &mut Vec<Vec<f32>>) {
    let mut done: Vec<Vec<f32>> = Vec::with_capacity(axes.len());
    for mut axis in axes.drain(..) {
        for before in &done {
            let along = product(&axis, before);
            add(&mut axis, before, -along);
        }
        let length = product(&axis, &axis).sqrt();
        if length > f32::EPSILON {
            axis.iter_mut().for_each(|number| *number /= length);
            done.push(axis);
        }
    }
    *axes = done;
}

struct Row {
    id: Uuid,
    length: f32,
    signs: Signs,
    vector: Vector,
    /// How crowded its place is, once it was asked for.
    crowd: OnceLock<f32>,
}

impl Row {
    /// `left`: without what all texts have in common.
    fn crowd(&self, common: &Common, left: &[f32]) -> f32 {
        *self.crowd.get_or_init(|| Vector::of(left).map_or(common.usual, |left| common.crowd(self.id, &left)))
    }
}

/// The vectors of an index's documents.
#[derive(Default)]
pub(crate) struct Vectors {
    slots: HashMap<Uuid, usize>,
    rows: Vec<Row>,
    common: Option<Common>,
    /// Rows at which it is told again what they have in common.
    common_at: usize,
}

impl Vectors {
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn get(&self, id: Uuid) -> Option<&Vector> {
        self.slots.get(&id).map(|slot| &self.rows[*slot].vector)
    }

    pub fn put(&mut self, id: Uuid, vector: Vector) {
        let row = Row { id, length: vector.length(), signs: vector.signs(), vector, crowd: OnceLock::new() };
        match self.slots.get(&id) {
            Some(slot) => self.rows[*slot] = row,
            None => {
                self.slots.insert(id, self.rows.len());
                self.rows.push(row);
            }
        }
    }

    /// How crowded their places are: of what was just put, so that no question waits for it.
    pub fn look_around(&self, of: &[Uuid]) {
        let Some(common) = &self.common else { return };
        for row in of.iter().filter_map(|id| Some(&self.rows[*self.slots.get(id)?])) {
            row.crowd(common, &common.without(&row.vector));
        }
    }

    /// What all have in common, where it is to be looked at again: once they are twice as many.
    pub fn common_anew(&self) -> Option<Common> {
        if self.rows.len() < COMMON_MIN.max(self.common_at) {
            return None;
        }
        // The same rows on every node, in whatever order they came.
        let mut sample: Vec<&Row> = self.rows.iter().collect();
        sample.sort_unstable_by_key(|row| row.id.as_u64_pair().1);
        sample.truncate(COMMON_SAMPLE);
        Some(Common::of(&sample))
    }

    pub fn set_common(&mut self, common: Common) {
        self.common_at = self.rows.len().saturating_mul(2);
        self.rows.iter_mut().for_each(|row| row.crowd = OnceLock::new());
        self.common = Some(common);
    }

    /// A question, ready to be compared.
    pub fn asked<'v>(&'v self, vector: &'v Vector) -> Viewpoint<'v> {
        let left = self.common.as_ref().map(|common| unit(common.without(vector)));
        Viewpoint { vectors: self, vector, length: vector.length(), left }
    }
}

pub(crate) struct Viewpoint<'v> {
    vectors: &'v Vectors,
    vector: &'v Vector,
    length: f32,
    left: Option<Vec<f32>>,
}

impl Viewpoint<'_> {
    /// A document as it is seen from here.
    pub fn near(&self, id: Uuid) -> Option<Near<'_>> {
        let row = &self.vectors.rows[*self.vectors.slots.get(&id)?];
        Some(Near { from: self, row, meaning: self.cosine(row).max(0.0) })
    }

    fn cosine(&self, row: &Row) -> f32 {
        precise(dot(&self.vector.0, &row.vector.0)) / (self.length * row.length).max(f32::MIN_POSITIVE)
    }

    /// The `limit` nearest of some documents, nearest first; those without a vector are not near.
    pub fn nearest<A: Copy>(&self, of: impl Iterator<Item = (Uuid, A)>, limit: usize) -> Vec<A> {
        let slots = of.filter_map(|(id, with)| Some((*self.vectors.slots.get(&id)?, with)));
        let all: Vec<(usize, A)> = if self.vectors.len() <= EXACT_MAX {
            slots.collect()
        } else {
            let signs = self.vector.signs();
            let apart = |slot: usize| {
                let other = &self.vectors.rows[slot].signs;
                signs.iter().zip(other).map(|(a, b)| (a ^ b).count_ones()).sum::<u32>()
            };
            let mut all: Vec<(u32, usize, A)> = slots.map(|(slot, with)| (apart(slot), slot, with)).collect();
            let looked_at = limit.saturating_mul(LOOKED_AT_PER_WANTED);
            if looked_at < all.len() {
                all.select_nth_unstable_by_key(looked_at, |(apart, slot, _)| (*apart, *slot));
                all.truncate(looked_at);
            }
            all.into_iter().map(|(_, slot, with)| (slot, with)).collect()
        };
        let mut near: Vec<(f32, usize, A)> =
            all.into_iter().map(|(slot, with)| (self.cosine(&self.vectors.rows[slot]), slot, with)).collect();
        let nearer = |a: &(f32, usize, A), b: &(f32, usize, A)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
        if limit < near.len() {
            near.select_nth_unstable_by(limit, nearer);
            near.truncate(limit);
        }
        near.sort_unstable_by(nearer);
        near.into_iter().map(|(.., with)| with).collect()
    }
}

/// A document that is looked at from a question.
pub(crate) struct Near<'v> {
    from: &'v Viewpoint<'v>,
    row: &'v Row,
    pub meaning: f32,
}

impl Near<'_> {
    pub fn nearness(&self) -> Nearness {
        let Self { from, row, meaning } = *self;
        let topic = match (&from.left, &from.vectors.common) {
            (Some(asked), Some(common)) => {
                let left = unit(common.without(&row.vector));
                let crowd = row.crowd(common, &left);
                (product(asked, &left) - CROWDED * (crowd - common.usual)).clamp(0.0, 1.0)
            }
            _ => meaning,
        };
        Nearness { meaning, topic }
    }
}

/// Beyond [`EXACT_MAX`], documents that are looked at for each that is wanted.
const LOOKED_AT_PER_WANTED: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that look like chance and are always the same.
    fn vector(seed: u64) -> Vector {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let numbers: Vec<f32> = (0..DIMENSIONS)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                f32::from(u16::try_from(state & 0xFFFF).unwrap_or(0)) / 32_768.0 - 1.0
            })
            .collect();
        Vector::of(&numbers).expect("numbers that are not all zero")
    }

    #[test]
    fn a_vector_is_nearest_to_itself_and_bytes_keep_it() {
        let mut vectors = Vectors::default();
        let ids: Vec<Uuid> = (1..=300).map(Uuid::from_u128).collect();
        ids.iter().zip(1..).for_each(|(id, seed)| vectors.put(*id, vector(seed)));
        let common = vectors.common_anew().expect("there are enough");
        vectors.set_common(common);
        let own = vector(7);
        assert_eq!(Vector::from_bytes(&own.to_bytes()), Some(own.clone()));
        let asked = vectors.asked(&own);
        assert_eq!(asked.nearest(ids.iter().map(|id| (*id, *id)), 1), [Uuid::from_u128(7)]);
        let near = asked.near(Uuid::from_u128(7)).expect("it is there").nearness();
        assert!((near.meaning - 1.0).abs() < 1e-3 && (near.topic - 1.0).abs() < 1e-3, "{near:?}");
        let far = asked.near(Uuid::from_u128(8)).expect("it is there").nearness();
        assert!(far.meaning < 0.3 && far.topic < 0.3, "{far:?}");
    }

    #[test]
    fn where_many_lie_a_text_is_less_near_to_what_is_asked_than_where_few_do() {
        let near = |to: &Vector, seed: u64, share: f32| {
            let numbers: Vec<f32> =
                to.direction().iter().zip(vector(seed).direction()).map(|(to, by)| to + share * by).collect();
            Vector::of(&numbers).expect("numbers that are not all zero")
        };
        let asked = vector(900);
        // Two as near to the question; beside one of them a crowd.
        let (crowded, lonely) = (near(&asked, 901, 1.0), near(&asked, 902, 1.0));
        let mut vectors = Vectors::default();
        (1..=400).for_each(|seed| vectors.put(Uuid::from_u128(seed.into()), vector(seed)));
        // The three largest crowds are what all texts have in common.
        for (place, (around, size)) in [(901, 20), (903, 90), (904, 80), (905, 70)].into_iter().enumerate() {
            for seed in 1..=size {
                let id = u128::try_from(1_000 * (place + 1)).expect("small") + u128::from(seed);
                vectors.put(Uuid::from_u128(id), near(&vector(around), seed + 1_000, 0.3));
            }
        }
        let [of_crowd, alone] = [9_001, 9_002].map(Uuid::from_u128);
        vectors.put(of_crowd, crowded);
        vectors.put(alone, lonely);
        let common = vectors.common_anew().expect("there are enough");
        vectors.set_common(common);
        let asked = vectors.asked(&asked);
        let topic = |id| asked.near(id).expect("it is there").nearness().topic;
        assert!(topic(of_crowd) < topic(alone) - 0.05, "{} {}", topic(of_crowd), topic(alone));
    }

    #[test]
    fn no_numbers_are_no_vector() {
        assert_eq!(Vector::of(&[]), None);
        assert_eq!(Vector::of(&[0.0; DIMENSIONS]), None);
        assert_eq!(Vector::of(&[f32::NAN; DIMENSIONS]), None);
        assert_eq!(Vector::from_bytes(&[1, 2, 3]), None);
    }
}
