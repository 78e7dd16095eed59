//! Patching: what a user's node changes in the preset's node of the same name.
//!
//! A field that the user gives replaces the preset's. Blocks with names and pairs are replaced one by one, by name; a block marked
//! `remove=#true` goes away. Of fields of which only one may be there, the user's displaces the others.

use crate::config::schema::{Constraint, Field, Shape};
use crate::config::value::{Block, Entry, Fields, Value};

impl Fields {
    /// Applies what `patch` gives. Returns blocks that were to be removed but are not there.
    pub(super) fn patch(
        &mut self,
        patch: Fields,
        schema: &[Field],
        constraints: &[Constraint],
    ) -> Vec<(&'static str, Block)> {
        let mut missing = Vec::new();
        for constraint in constraints {
            if let Constraint::ExactlyOne(group) = constraint
                && group.iter().any(|field| patch.is_attempted(field))
            {
                self.entries.retain(|entry| !group.contains(&entry.name) || patch.is_attempted(entry.name));
            }
        }
        self.invalid.extend(&patch.invalid);
        let mut replaced: Vec<&'static str> = Vec::new();
        for entry in patch.entries {
            let shape = schema.iter().find(|field| field.name == entry.name).map(|field| field.shape);
            let same = match (&entry.value, shape) {
                (Value::Block(block), Some(Shape::Block(schema))) if schema.named || schema.merged => {
                    let name = block.name.as_ref().map(|name| &name.value);
                    self.entries.iter().position(|old| {
                        old.name == entry.name
                            && matches!(&old.value, Value::Block(old) if old.name.as_ref().map(|name| &name.value) == name)
                    })
                }
                (Value::Pair(pair), _) => self.entries.iter().position(|old| {
                    old.name == entry.name
                        && matches!(&old.value, Value::Pair(old) if old.name.value == pair.name.value)
                }),
                _ => {
                    let first = self.entries.iter().position(|old| old.name == entry.name);
                    if replaced.contains(&entry.name) {
                        None
                    } else {
                        replaced.push(entry.name);
                        self.drop_all_but(first, entry.name);
                        first
                    }
                }
            };
            self.place_entry(same, entry, shape, &mut missing);
        }
        missing
    }

    fn drop_all_but(&mut self, kept: Option<usize>, name: &str) {
        let mut index = 0;
        self.entries.retain(|entry| {
            let keep = entry.name != name || Some(index) == kept;
            index += 1;
            keep
        });
    }

    fn place_entry(
        &mut self,
        same: Option<usize>,
        mut entry: Entry,
        shape: Option<Shape>,
        missing: &mut Vec<(&'static str, Block)>,
    ) {
        match (same, &mut entry.value) {
            (Some(index), Value::Block(block)) if block.removed => {
                self.entries.remove(index);
            }
            (None, Value::Block(block)) if block.removed => missing.push((entry.name, block.clone())),
            (Some(index), Value::Block(block)) => {
                let merged = match shape {
                    Some(Shape::Block(schema)) if schema.merged => Some(schema),
                    _ => None,
                };
                match (&mut self.entries[index].value, merged) {
                    (Value::Block(old), Some(schema)) => {
                        let fields: Vec<Field> = schema.all_fields().copied().collect();
                        missing.extend(old.fields.patch(std::mem::take(&mut block.fields), &fields, &[]));
                        old.place = block.place;
                    }
                    _ => self.entries[index] = entry,
                }
            }
            (Some(index), _) => self.entries[index] = entry,
            (None, _) => {
                let after = self.entries.iter().rposition(|old| old.name == entry.name);
                let index = after.map_or(self.entries.len(), |last| last + 1);
                self.entries.insert(index, entry);
            }
        }
    }

    /// Takes out the blocks that are marked as removed; there is nothing that they could remove.
    pub(super) fn take_removed(&mut self) -> Vec<(&'static str, Block)> {
        let mut removed = Vec::new();
        self.entries.retain(|entry| match &entry.value {
            Value::Block(block) if block.removed => {
                removed.push((entry.name, block.clone()));
                false
            }
            _ => true,
        });
        removed
    }
}
