//! What the removal of dead code must not see through.
//!
//! While it shakes the tree, rolldown has oxc remove dead code from each module, minified or not. For that oxc computes constants,
//! some of them to other values than an engine does; it takes functions that may throw for pure ones; and it drops what stands
//! below a `throw` with its exports. No option turns any of this off, and without tree shaking an output is nearly twice as long.
//! So each place that it would go wrong about is given another form before, one that means the same and that it takes for unknown:
//!
//! | source | form |
//! | --- | --- |
//! | a method of a constant, of `Math`, `Number` or `String`, with constant arguments: `'a'.indexOf('', 9)` | `` 'a'[`indexOf`]('', 9) `` |
//! | a function that may throw: `decodeURIComponent(x)` | `decodeURIComponent.call(void 0, x)` |
//! | a text that may become a number and ends with white space: `'1 '` | `['1 '][0]` |
//! | a text with half of a surrogate pair | `['\ud83d'][0]` |
//! | `throw x` outside of functions | `for (;;) throw x` |
//! | a conversion whose result nobody reads: `String(x);` | `String.call(void 0, x)` |
//! | the same by an operator or a key: `x < 1;` | `(() => x < 1).call()` |
//!
//! `docs/upstream/oxc.md` lists the faults behind it. Places keep their spans, so source maps are as they were.

use std::collections::BTreeSet;

use oxc::allocator::{Allocator, TakeIn, Vec as ArenaVec};
use oxc::ast::ast::{
    Argument, ArrayExpressionElement, ArrowFunctionBody, ArrowFunctionExpression, AwaitExpression, BinaryOperator,
    BindingPattern, CallExpression, Expression, ExpressionStatement, FormalParameterKind, FormalParameters, Function,
    IdentifierName, IdentifierReference, NumberBase, ObjectPropertyKind, Program, PropertyKey, SequenceExpression,
    Statement, StaticBlock, Str, TemplateElement, TemplateElementValue, TemplateLiteral, VariableDeclarator,
    YieldExpression,
};
use oxc::ast::builder::AstBuilder;
use oxc::ast_visit::{VisitJs, VisitJsMut, walk_js, walk_js_mut};
use oxc::span::{GetSpan, SPAN};
use oxc::syntax::scope::ScopeFlags;

/// Functions that oxc takes for pure, or computes.
const FUNCTIONS: [&str; 9] = [
    "decodeURI",
    "decodeURIComponent",
    "encodeURI",
    "encodeURIComponent",
    "escape",
    "isFinite",
    "isNaN",
    "parseFloat",
    "parseInt",
];

/// Objects whose functions it computes.
const OBJECTS: [&str; 3] = ["Math", "Number", "String"];

/// What converts its arguments when it is called: code of theirs runs although nobody reads the result.
const CONVERSIONS: [&str; 12] = [
    "BigInt",
    "Date",
    "Error",
    "EvalError",
    "Number",
    "RangeError",
    "ReferenceError",
    "String",
    "Symbol",
    "SyntaxError",
    "TypeError",
    "URIError",
];

/// Objects with functions that do.
const CONVERTING_OBJECTS: [&str; 6] = ["BigInt", "Date", "Math", "Number", "String", "Symbol"];

/// Gives each such place of `program` its other form.
pub(crate) fn hide<'a>(program: &mut Program<'a>, allocator: &'a Allocator) {
    let mut constants = Constants::default();
    constants.visit_program(program);
    Hide { builder: AstBuilder::new(allocator), constants, functions: 0 }.visit_program(program);
}

/// Names of the module, whatever their scopes are.
#[derive(Default)]
struct Constants {
    /// Variables whose values may be computed.
    known: BTreeSet<String>,
    /// What is read or written somewhere.
    used: BTreeSet<String>,
}

impl<'a> VisitJs<'a> for Constants {
    fn visit_identifier_reference(&mut self, name: &IdentifierReference<'a>) {
        if !self.used.contains(name.name.as_str()) {
            self.used.insert(name.name.to_string());
        }
    }

    fn visit_variable_declarator(&mut self, declarator: &VariableDeclarator<'a>) {
        if let (BindingPattern::BindingIdentifier(name), Some(value)) = (&declarator.id, &declarator.init)
            && self.may_hold(value)
        {
            self.known.insert(name.name.to_string());
        }
        walk_js::walk_variable_declarator(self, declarator);
    }
}

impl Constants {
    /// Whether the value of `expression` may be computed.
    fn may_hold(&self, expression: &Expression<'_>) -> bool {
        match expression {
            Expression::StringLiteral(_)
            | Expression::NumericLiteral(_)
            | Expression::BooleanLiteral(_)
            | Expression::NullLiteral(_)
            | Expression::BigIntLiteral(_)
            | Expression::RegExpLiteral(_) => true,
            Expression::TemplateLiteral(template) => template.expressions.iter().all(|part| self.may_hold(part)),
            Expression::Identifier(name) => {
                matches!(name.name.as_str(), "undefined" | "NaN" | "Infinity")
                    || self.known.contains(name.name.as_str())
            }
            Expression::UnaryExpression(unary) => self.may_hold(&unary.argument),
            Expression::BinaryExpression(binary) => self.may_hold(&binary.left) && self.may_hold(&binary.right),
            Expression::LogicalExpression(logical) => self.may_hold(&logical.left) && self.may_hold(&logical.right),
            Expression::ConditionalExpression(choice) => {
                self.may_hold(&choice.consequent) || self.may_hold(&choice.alternate)
            }
            Expression::SequenceExpression(sequence) => {
                sequence.expressions.last().is_some_and(|last| self.may_hold(last))
            }
            Expression::ParenthesizedExpression(inner) => self.may_hold(&inner.expression),
            Expression::ArrayExpression(array) => array
                .elements
                .iter()
                .all(|element| element.as_expression().is_none_or(|element| self.may_hold(element))),
            Expression::StaticMemberExpression(member) => self.may_hold(&member.object),
            Expression::ComputedMemberExpression(member) => self.may_hold(&member.object),
            Expression::CallExpression(call) => self.may_compute(call),
            _ => false,
        }
    }

    fn may_compute(&self, call: &CallExpression<'_>) -> bool {
        let object = match &call.callee {
            Expression::StaticMemberExpression(member) => &member.object,
            Expression::ComputedMemberExpression(member) => &member.object,
            _ => return false,
        };
        let is_known = matches!(object, Expression::Identifier(name) if OBJECTS.contains(&name.name.as_str()));
        (is_known || self.may_hold(object))
            && call.arguments.iter().all(|argument| argument.as_expression().is_some_and(|it| self.may_hold(it)))
    }
}

struct Hide<'a> {
    builder: AstBuilder<'a>,
    constants: Constants,
    /// How many functions the place stands in.
    functions: usize,
}

impl<'a> Hide<'a> {
    /// A template without expressions.
    fn template(&self, text: &str) -> Expression<'a> {
        let text = Str::from_str_in(text, &self.builder);
        let value = TemplateElementValue { raw: text, cooked: Some(text) };
        let part = TemplateElement::new(SPAN, value, true, &self.builder);
        Expression::new_template_literal(SPAN, [part], [], &self.builder)
    }

    /// `[expression][0]`
    fn boxed(&self, expression: &mut Expression<'a>) {
        let span = expression.span();
        let element = ArrayExpressionElement::from(expression.take_in(&self.builder));
        let array = Expression::new_array_expression(span, [element], &self.builder);
        let first = Expression::new_numeric_literal(SPAN, 0.0, None, NumberBase::Decimal, &self.builder);
        *expression = Expression::new_computed_member_expression(span, array, first, false, &self.builder);
    }

    /// `expression` is evaluated and nobody reads what it gives.
    fn unread(&self, expression: &mut Expression<'a>) {
        match expression {
            Expression::SequenceExpression(sequence) => {
                if let Some(last) = sequence.expressions.last_mut() {
                    self.unread(last);
                }
            }
            Expression::LogicalExpression(logical) => self.unread(&mut logical.right),
            Expression::ConditionalExpression(choice) => {
                self.unread(&mut choice.consequent);
                self.unread(&mut choice.alternate);
            }
            Expression::ParenthesizedExpression(inner) => self.unread(&mut inner.expression),
            Expression::UnaryExpression(unary) => self.unread(&mut unary.argument),
            Expression::CallExpression(call) => match &mut call.callee {
                Expression::Identifier(name) if CONVERSIONS.contains(&name.name.as_str()) => self.called(call),
                Expression::StaticMemberExpression(member) => {
                    if matches!(&member.object, Expression::Identifier(name) if CONVERTING_OBJECTS.contains(&name.name.as_str()))
                    {
                        self.keyed(call);
                    }
                }
                _ => {}
            },
            Expression::BinaryExpression(binary) if binary.operator.is_compare() || binary.operator.is_equality() => {
                let is_strict =
                    matches!(binary.operator, BinaryOperator::StrictEquality | BinaryOperator::StrictInequality);
                let is_constant = self.constants.may_hold(&binary.left) && self.constants.may_hold(&binary.right);
                if !is_strict && !is_constant {
                    self.wrapped(expression);
                }
            }
            Expression::ObjectExpression(object) => {
                let is_open = |property: &ObjectPropertyKind<'a>| match property {
                    ObjectPropertyKind::ObjectProperty(property) => {
                        property.computed
                            && property.key.as_expression().is_some_and(|key| !self.constants.may_hold(key))
                    }
                    ObjectPropertyKind::SpreadProperty(_) => false,
                };
                if object.properties.iter().any(is_open) {
                    self.wrapped(expression);
                }
            }
            _ => {}
        }
    }

    /// `(() => expression).call()`, where the function is none that the expression belongs to.
    fn wrapped(&self, expression: &mut Expression<'a>) {
        let mut owned = Owned(false);
        owned.visit_expression(expression);
        if owned.0 {
            return;
        }
        let (span, builder) = (expression.span(), &self.builder);
        let params = FormalParameters::boxed(SPAN, FormalParameterKind::ArrowFormalParameters, [], None, builder);
        let body = ArrowFunctionBody::from(expression.take_in(builder));
        let function = Expression::new_arrow_function_expression(span, false, None, params, None, body, builder);
        let property = IdentifierName::new(SPAN, "call", builder);
        let callee = Expression::new_static_member_expression(span, function, property, false, builder);
        *expression = Expression::new_call_expression(span, callee, None, [], false, builder);
    }

    /// `f(..)` becomes `f.call(void 0, ..)`.
    fn called(&self, call: &mut CallExpression<'a>) {
        let span = call.callee.span();
        let function = call.callee.take_in(&self.builder);
        let property = IdentifierName::new(SPAN, "call", &self.builder);
        call.callee = Expression::new_static_member_expression(span, function, property, call.optional, &self.builder);
        call.optional = false;
        let this = Argument::from(Expression::new_void_0(SPAN, &self.builder));
        let given = call.arguments.take_in(&self.builder);
        call.arguments = ArenaVec::from_iter_in(std::iter::once(this).chain(given), &self.builder);
    }

    /// `o.f(..)` becomes ``o[`f`](..)``.
    fn keyed(&self, call: &mut CallExpression<'a>) {
        let span = call.callee.span();
        if let Expression::StaticMemberExpression(member) = &mut call.callee {
            let (name, is_optional) = (self.template(member.property.name.as_str()), member.optional);
            let object = member.object.take_in(&self.builder);
            call.callee = Expression::new_computed_member_expression(span, object, name, is_optional, &self.builder);
        }
    }

    fn callee(&self, call: &mut CallExpression<'a>) {
        let is_computed = self.constants.may_compute(call);
        match &mut call.callee {
            Expression::Identifier(name) if FUNCTIONS.contains(&name.name.as_str()) => self.called(call),
            Expression::StaticMemberExpression(_) if is_computed => self.keyed(call),
            Expression::ComputedMemberExpression(member) if is_computed => {
                if let Expression::StringLiteral(name) = &member.expression
                    && name.value.chars().all(|c| c.is_ascii_alphanumeric())
                {
                    member.expression = self.template(name.value.as_str());
                }
            }
            _ => {}
        }
    }
}

/// Whether something in an expression belongs to the function around it.
struct Owned(bool);

impl<'a> VisitJs<'a> for Owned {
    fn visit_await_expression(&mut self, _: &AwaitExpression<'a>) {
        self.0 = true;
    }

    fn visit_yield_expression(&mut self, _: &YieldExpression<'a>) {
        self.0 = true;
    }
}

/// White space to the conversion of a text to a number.
fn is_blank(character: char) -> bool {
    character == '\u{feff}' || character.is_whitespace() && character != '\u{85}'
}

/// Whether a text may be a number with white space behind it, or one with a base.
fn may_mislead(text: &str) -> bool {
    let trimmed = text.trim_matches(is_blank);
    let is_numeric = |c: char| c.is_ascii_hexdigit() || "+-._xXoO".contains(c);
    let has_base = trimmed.len() > 2
        && trimmed.starts_with('0')
        && !trimmed[1..].starts_with(|c: char| c.is_ascii_digit() || c == '.');
    let is_number = trimmed.chars().all(is_numeric) || trimmed.trim_start_matches(['+', '-']) == "Infinity";
    is_number && !trimmed.is_empty() && (has_base || text.ends_with(is_blank))
}

fn template_may_mislead(template: &TemplateLiteral<'_>) -> bool {
    let cooked = |part: &TemplateElement<'_>| part.value.cooked.map(|text| text.as_str().to_owned());
    let Some(texts) = template.quasis.iter().map(cooked).collect::<Option<Vec<_>>>() else { return false };
    // Any number may stand for an expression.
    let text = if template.expressions.is_empty() { texts.concat() } else { texts.join("1") };
    template.quasis.iter().any(|part| part.lone_surrogates) || may_mislead(&text)
}

impl<'a> VisitJsMut<'a> for Hide<'a> {
    fn visit_expression(&mut self, expression: &mut Expression<'a>) {
        walk_js_mut::walk_expression(self, expression);
        let misleads = match expression {
            Expression::StringLiteral(text) => text.lone_surrogates || may_mislead(text.value.as_str()),
            Expression::TemplateLiteral(template) => template_may_mislead(template),
            _ => false,
        };
        if misleads {
            self.boxed(expression);
        }
        // What is put together from constants may mislead although no part does.
        if let Expression::BinaryExpression(sum) = expression
            && sum.operator == BinaryOperator::Addition
            && matches!(&sum.right, Expression::StringLiteral(text) if text.value.ends_with(is_blank))
            && self.constants.may_hold(&sum.left)
        {
            self.boxed(&mut sum.right);
        }
    }

    fn visit_expression_statement(&mut self, statement: &mut ExpressionStatement<'a>) {
        walk_js_mut::walk_expression_statement(self, statement);
        self.unread(&mut statement.expression);
    }

    fn visit_sequence_expression(&mut self, sequence: &mut SequenceExpression<'a>) {
        walk_js_mut::walk_sequence_expression(self, sequence);
        let before = sequence.expressions.len() - 1;
        sequence.expressions.iter_mut().take(before).for_each(|expression| self.unread(expression));
    }

    fn visit_variable_declarator(&mut self, declarator: &mut VariableDeclarator<'a>) {
        walk_js_mut::walk_variable_declarator(self, declarator);
        if let (BindingPattern::BindingIdentifier(name), Some(value)) = (&declarator.id, &mut declarator.init)
            && !self.constants.used.contains(name.name.as_str())
        {
            self.unread(value);
        }
    }

    fn visit_call_expression(&mut self, call: &mut CallExpression<'a>) {
        self.callee(call);
        walk_js_mut::walk_call_expression(self, call);
    }

    fn visit_property_key(&mut self, key: &mut PropertyKey<'a>) {
        // A key that is a text stays one.
        if !matches!(key, PropertyKey::StringLiteral(_)) {
            walk_js_mut::walk_property_key(self, key);
        }
    }

    fn visit_statement(&mut self, statement: &mut Statement<'a>) {
        walk_js_mut::walk_statement(self, statement);
        if self.functions == 0 && matches!(statement, Statement::ThrowStatement(_)) {
            let span = statement.span();
            let thrown = statement.take_in(&self.builder);
            *statement = Statement::new_for_statement(span, None, None, None, thrown, &self.builder);
        }
    }

    fn visit_function(&mut self, function: &mut Function<'a>, flags: ScopeFlags) {
        self.functions += 1;
        walk_js_mut::walk_function(self, function, flags);
        self.functions -= 1;
    }

    fn visit_arrow_function_expression(&mut self, function: &mut ArrowFunctionExpression<'a>) {
        self.functions += 1;
        walk_js_mut::walk_arrow_function_expression(self, function);
        self.functions -= 1;
    }

    fn visit_static_block(&mut self, block: &mut StaticBlock<'a>) {
        self.functions += 1;
        walk_js_mut::walk_static_block(self, block);
        self.functions -= 1;
    }
}
