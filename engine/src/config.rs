//! stub until the real one is merged
use crate::label::Label;
pub mod schema {
    pub struct KindSchema {
        pub kind: &'static str,
    }
}
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Config {
    pub rules: Vec<Rule>,
}
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    pub label: Label,
    pub needs: Vec<Label>,
}
impl Config {
    pub fn rule(&self, label: &Label) -> Option<&Rule> {
        self.rules.iter().find(|r| r.label == *label)
    }
}
impl Rule {
    pub fn label(&self) -> &Label {
        &self.label
    }
    pub fn references(&self, _n: &str) -> impl Iterator<Item = &Label> {
        self.needs.iter()
    }
}
