//! What Node gives a CommonJS module beside `require`, `module` and `exports`: the names of its file and of its directory.
//!
//! A linked file is an ES module, which has neither name. A CommonJS module that asks for one gets it as a variable of its own, as Node
//! has it, from `import.meta`: it is in the linked file, so that is its file.

use std::collections::BTreeSet;

use oxc::allocator::Allocator;
use oxc::ast::ast::{
    BindingPattern, Expression, IdentifierName, IdentifierReference, Program, Statement, VariableDeclarationKind,
    VariableDeclarator,
};
use oxc::ast::builder::AstBuilder;
use oxc::ast_visit::VisitJs;
use oxc::span::SPAN;

/// The names, and what `import.meta` calls them.
const NAMES: [(&str, &str); 2] = [("__filename", "filename"), ("__dirname", "dirname")];

/// Gives the module what it asks for if it is CommonJS. `is_esm` says that Node takes its file for an ES module; what sets `exports`
/// is CommonJS to rolldown all the same.
pub(crate) fn name_file<'a>(program: &mut Program<'a>, allocator: &'a Allocator, is_esm: bool) {
    let mut used = Used::default();
    used.visit_program(program);
    let sets_exports = used.0.contains("exports") || used.0.contains("module");
    let has_declarations = program.body.iter().any(|statement| statement.as_module_declaration().is_some());
    if has_declarations || is_esm && !sets_exports {
        return;
    }
    let builder = AstBuilder::new(allocator);
    for (name, property) in NAMES {
        let is_function = |statement: &Statement<'a>| {
            matches!(statement, Statement::FunctionDeclaration(function)
                if function.id.as_ref().is_some_and(|id| id.name == name))
        };
        if !used.0.contains(name) || program.body.iter().any(is_function) {
            continue;
        }
        let meta = Expression::new_import_meta(SPAN, &builder);
        let property = IdentifierName::new(SPAN, property, &builder);
        let value = Expression::new_static_member_expression(SPAN, meta, property, false, &builder);
        let id = BindingPattern::new_binding_identifier(SPAN, name, &builder);
        let declarator = VariableDeclarator::new(SPAN, id, None, Some(value), false, &builder);
        let kind = VariableDeclarationKind::Var;
        program.body.insert(0, Statement::new_variable_declaration(SPAN, kind, [declarator], false, &builder));
    }
}

/// The names that a module reads or writes, whatever their scopes are.
#[derive(Default)]
struct Used(BTreeSet<&'static str>);

impl<'a> VisitJs<'a> for Used {
    fn visit_identifier_reference(&mut self, name: &IdentifierReference<'a>) {
        let known = NAMES.into_iter().map(|(name, _)| name).chain(["exports", "module"]);
        self.0.extend(known.into_iter().find(|known| *known == name.name.as_str()));
    }
}
