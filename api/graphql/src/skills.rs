//! Skills with levels.

use async_graphql::{InputObject, SimpleObject};
use domain::catalogue::model;

/// A skill with a level: that of a person, or the lowest that a ticket accepts.
#[derive(SimpleObject, InputObject, Clone)]
#[graphql(input_name = "SkillLevelInput")]
pub struct SkillLevel {
    /// Key of the skill.
    skill: String,
    /// The level: 1 (beginner) to 5 (can teach others).
    level: i32,
}

impl From<model::SkillLevel> for SkillLevel {
    fn from(model::SkillLevel { skill, level }: model::SkillLevel) -> Self {
        Self { skill, level }
    }
}

impl From<SkillLevel> for model::SkillLevel {
    fn from(SkillLevel { skill, level }: SkillLevel) -> Self {
        Self { skill, level }
    }
}
