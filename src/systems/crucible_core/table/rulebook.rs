use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::Table;
use super::condition::{CELLS, Cells, Condition, has};
use super::index::{Candidate, ConditionalIndex};
use super::paths::PathId;
use super::row::{Cell, CommonRow, CompiledRule, Order, SourceRow, sorted};
use super::sharded::hash_of;
use crate::event::{FieldPath, Name};
use crate::routing::{Filter, Rule};

/// The rules in force, and the [`Table`] that follows them change by change.
#[derive(Debug, Default)]
pub struct Rulebook {
    table: Table,
    rules: BTreeMap<Order, Kept>,
    orders: FxHashMap<Name, Order>,
    /// For each cell of the common row the rules that shape it. Those that only wait for something in
    /// a payload are not among them: a row is built without looking at them.
    shaping: Shaping,
    /// Rules that name a source.
    by_source: FxHashMap<Name, BTreeSet<Order>>,
    path_ids: PathIds,
    next_age: u64,
}

#[derive(Debug)]
struct Shaping(Box<[BTreeSet<Order>]>);

impl Default for Shaping {
    fn default() -> Self {
        Self(vec![BTreeSet::new(); CELLS].into())
    }
}

#[derive(Debug)]
struct Kept {
    rule: Arc<CompiledRule>,
    /// For events of sources that it does not name.
    common: Version,
    /// For events of each of `rule.sources`, in that order.
    by_source: Box<[Version]>,
    fields: Box<[(FieldPath, PathId)]>,
}

/// A rule as it is for events of some source.
#[derive(Debug)]
struct Version {
    /// Cells in which it matches whatever the payload.
    always: Cells,
    /// Cells in which the payload decides.
    depends: Cells,
    condition: Arc<Condition>,
}

impl Kept {
    fn version(&self, source: Option<&Name>) -> &Version {
        let named = source.and_then(|source| self.rule.sources.iter().position(|named| named == source));
        named.map_or(&self.common, |position| &self.by_source[position])
    }

    /// Cells whose content this version of the rule takes part in.
    fn shapes(&self, version: &Version) -> Cells {
        // One that ends the search shapes a cell also where the payload decides: the cell then has
        // to be ready to be cut short.
        version.always | if self.rule.last { version.depends } else { 0 }
    }

    fn candidate(&self, version: &Version) -> Option<Candidate> {
        (version.depends != 0)
            .then(|| Candidate::new(self.rule.clone(), version.depends, version.condition.clone()))
    }
}

impl Rulebook {
    /// The table as of now: a snapshot that later changes leave alone.
    pub fn table(&self) -> Table {
        self.table.clone()
    }

    /// How many rules are in force.
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The entries of each structure, by what they are.
    pub(in crate::crucible_core) fn lengths(&self) -> [(&'static str, usize); 9] {
        let Table { common, sources } = &self.table;
        let rows = || sources.iter();
        let candidates = common.conditional.candidates();
        [
            ("rules", self.rules.len()),
            ("ids of rules", self.orders.len()),
            ("rules in cells", self.shaping.0.iter().map(BTreeSet::len).sum()),
            ("sources that rules name", self.by_source.len()),
            ("rules by source", self.by_source.values().map(BTreeSet::len).sum()),
            ("rows of sources", sources.len()),
            ("cells of rows", rows().map(|row| row.own_cells()).sum()),
            ("rules by payload", candidates + rows().map(|row| row.conditional.candidates()).sum::<usize>()),
            ("numbers of paths", self.path_ids.known.len() + self.path_ids.free.len()),
        ]
    }

    /// Whether a rule of this id is.
    pub fn contains(&self, id: &Name) -> bool {
        self.orders.contains_key(id)
    }

    /// Adds a rule whose targets are these numbers. No rule of this id may be there.
    pub fn add(&mut self, rule: &Rule, services: Vec<u32>, groups: Vec<u32>) {
        let order = Order { rank: -i64::from(rule.priority), age: self.next_age };
        self.next_age += 1;
        let kept = self.compile(rule, order, services, groups);
        for cell in cells_of(kept.shapes(&kept.common)) {
            self.shaping.0[cell].insert(order);
        }
        for source in &kept.rule.sources {
            self.by_source.entry(source.clone()).or_default().insert(order);
        }
        self.index(&kept, ConditionalIndex::add);
        self.orders.insert(rule.id.clone(), order);
        self.rules.insert(order, kept);
        self.reshape(order);
    }

    /// Removes a rule and returns what it was compiled to.
    pub fn remove(&mut self, id: &Name) -> Option<Arc<CompiledRule>> {
        let order = self.orders.remove(id)?;
        let kept = self.rules.get(&order)?;
        for cell in cells_of(kept.shapes(&kept.common)) {
            self.shaping.0[cell].remove(&order);
        }
        for source in &kept.rule.sources {
            if let Some(orders) = self.by_source.get_mut(source) {
                orders.remove(&order);
            }
        }
        self.reshape(order);
        let kept = self.rules.remove(&order)?;
        self.index(&kept, ConditionalIndex::remove);
        self.drop_empty_rows(&kept);
        for (field, _) in &kept.fields {
            self.path_ids.release(field);
        }
        Some(kept.rule)
    }

    /// Whether nothing is left of any rule.
    #[cfg(test)]
    pub(super) fn is_bare(&self) -> bool {
        let paths = self.path_ids.known.is_empty();
        let common = &self.table.common;
        let cells = common.cells.iter().all(|cell| **cell == Cell::default());
        let rows = self.by_source.is_empty() && self.table.sources.is_empty();
        let cells = cells && self.shaping.0.iter().all(BTreeSet::is_empty);
        paths && cells && rows && self.rules.is_empty() && common.conditional.is_bare()
    }

    fn compile(&mut self, rule: &Rule, order: Order, services: Vec<u32>, groups: Vec<u32>) -> Kept {
        let (mut sources, mut fields) = (BTreeSet::new(), BTreeSet::new());
        collect_names(&rule.filter, &mut sources, &mut fields);
        let fields: Box<[_]> =
            fields.into_iter().map(|field| (field.clone(), self.path_ids.acquire(field))).collect();
        let mut path = |field: &FieldPath| {
            let position = fields.binary_search_by(|(known, _)| known.cmp(field));
            fields[position.expect("collected from the same filter")].1
        };
        let mut version = |source: Option<&Name>| {
            let condition = Condition::compile(&rule.filter, source, &mut path);
            let (always, may) = condition.bounds();
            Version { always, depends: may & !always, condition: Arc::new(condition) }
        };
        let common = version(None);
        let by_source = sources.iter().map(|&source| version(Some(source))).collect();
        let rule = Arc::new(CompiledRule {
            order,
            last: rule.last,
            services: sorted(services).into(),
            groups: sorted(groups).into(),
            sources: sources.into_iter().cloned().collect(),
        });
        Kept { rule, common, by_source, fields }
    }

    /// Puts the rule into, or takes it out of, the indexes of the rows that it stands in.
    fn index(&mut self, kept: &Kept, change: fn(&mut ConditionalIndex, &Candidate, &[(FieldPath, PathId)])) {
        if let Some(candidate) = kept.candidate(&kept.common) {
            change(&mut Arc::make_mut(&mut self.table.common).conditional, &candidate, &kept.fields);
        }
        for (source, version) in kept.rule.sources.iter().zip(&kept.by_source) {
            let mut row = row_of(&self.table, source);
            if let Some(candidate) = kept.candidate(version) {
                change(&mut Arc::make_mut(&mut row).conditional, &candidate, &kept.fields);
            }
            self.table.sources.put(row, |old| old.source == *source);
        }
    }

    fn drop_empty_rows(&mut self, kept: &Kept) {
        for source in &kept.rule.sources {
            if self.by_source.get(source).is_some_and(BTreeSet::is_empty) {
                self.by_source.remove(source);
                let hash = hash_of(source.as_bytes());
                self.table.sources.remove(hash, |row| row.source == *source);
            }
        }
    }

    /// Builds the cells anew that the rule at `order` shapes or, taken out of `shaping` and
    /// `by_source`, no longer shapes.
    fn reshape(&mut self, order: Order) {
        let Some(kept) = self.rules.get(&order) else {
            return;
        };
        let common_changed = kept.shapes(&kept.common);
        let mut table = self.table.clone();
        if common_changed != 0 {
            let common: &mut CommonRow = Arc::make_mut(&mut table.common);
            let mut builder = Builder::common(self);
            for cell in cells_of(common_changed) {
                common.cells[cell] = builder.build(cell);
            }
        }
        for row in self.rows_touched(kept, common_changed) {
            let mut row = row_of(&self.table, row);
            let changed = common_changed | kept.shapes(kept.version(Some(&row.source)));
            let source = row.source.clone();
            let mut builder = Builder::of_source(self, &table.common, &source);
            Arc::make_mut(&mut row).set(changed, |cell| builder.differs(cell).then(|| builder.build(cell)));
            table.sources.put(row, |old| old.source == source);
        }
        self.table = table;
    }

    /// The sources whose rows hold a changed cell.
    fn rows_touched<'a>(&'a self, kept: &'a Kept, common_changed: Cells) -> Vec<&'a Name> {
        if common_changed == 0 {
            return kept.rule.sources.iter().collect();
        }
        self.by_source
            .keys()
            .filter(|source| {
                kept.rule.sources.contains(source)
                    || self.table.row(source).is_some_and(|row| row.owns(common_changed))
            })
            .collect()
    }
}

/// Builds cells of one row, one after the other. Neighbours that the same rules shape, as those of the
/// four priorities of a kind mostly are, become one.
struct Builder<'b> {
    book: &'b Rulebook,
    /// For the row of a source: the common row, as it already is.
    common: Option<&'b CommonRow>,
    /// The rules that name the source, and as what.
    named: Vec<(&'b Kept, &'b Version)>,
    last: Option<Built<'b>>,
}

struct Built<'b> {
    at: usize,
    /// What it was built from.
    rules: Vec<&'b Arc<CompiledRule>>,
    may_be_cut: bool,
    cell: Arc<Cell>,
}

impl<'b> Builder<'b> {
    fn common(book: &'b Rulebook) -> Self {
        Self { book, common: None, named: Vec::new(), last: None }
    }

    fn of_source(book: &'b Rulebook, common: &'b CommonRow, source: &Name) -> Self {
        let orders = book.by_source.get(source).into_iter().flatten();
        let named = orders.filter_map(|order| book.rules.get(order));
        let named = named.map(|kept| (kept, kept.version(Some(source)))).collect();
        Self { book, common: Some(common), named, last: None }
    }

    /// Whether this cell is another for the source than for those that no rule names.
    fn differs(&self, cell: usize) -> bool {
        self.named.iter().any(|(kept, own)| {
            let depends = if kept.rule.last { own.depends ^ kept.common.depends } else { 0 };
            has(own.always ^ kept.common.always | depends, cell)
        })
    }

    fn build(&mut self, at: usize) -> Arc<Cell> {
        if let Some(last) = &self.last
            && self.are_alike(last.at, at)
        {
            return last.cell.clone();
        }
        let (rules, may_be_cut) = self.rules(at);
        if let Some(last) = &self.last
            && last.may_be_cut == may_be_cut
            && last.rules.iter().map(|rule| rule.order).eq(rules.iter().map(|rule| rule.order))
        {
            return last.cell.clone();
        }
        let cell = Arc::new(Cell::build(&rules, may_be_cut));
        self.last = Some(Built { at, rules, may_be_cut, cell: cell.clone() });
        cell
    }

    /// Whether two cells of the row of a source are known to be shaped by the same rules without a look at each: they are
    /// one in the common row, and the few that name the source do not tell them apart.
    fn are_alike(&self, a: usize, b: usize) -> bool {
        let alike =
            |(kept, own): &(&Kept, &Version)| !kept.rule.last && has(own.always, a) == has(own.always, b);
        self.common.is_some_and(|common| Arc::ptr_eq(&common.cells[a], &common.cells[b]))
            && self.named.iter().all(alike)
    }

    /// The rules that match in this cell whatever the payload, in order, and whether one that depends
    /// on the payload may end the search.
    fn rules(&self, cell: usize) -> (Vec<&'b Arc<CompiledRule>>, bool) {
        let is_named = |order: &Order| self.named.iter().any(|(kept, _)| kept.rule.order == *order);
        let common = &self.book.shaping.0[cell];
        let others = common.iter().filter(|order| !is_named(order));
        let others = others.filter_map(|order| self.book.rules.get(order)).map(|kept| (kept, &kept.common));
        let mut shaping = Vec::with_capacity(common.len() + self.named.len());
        shaping.extend(others.chain(self.named.iter().copied()));
        shaping.sort_unstable_by_key(|(kept, _)| kept.rule.order);
        let cuts = |(kept, version): &(&Kept, &Version)| kept.rule.last && has(version.depends, cell);
        let may_be_cut = shaping.iter().any(cuts);
        let mut matching = Vec::with_capacity(shaping.len());
        matching.extend(
            shaping.iter().filter(|(_, version)| has(version.always, cell)).map(|(kept, _)| &kept.rule),
        );
        (matching, may_be_cut)
    }
}

fn row_of(table: &Table, source: &Name) -> Arc<SourceRow> {
    let hash = hash_of(source.as_bytes());
    let row = table.sources.find(hash, |row| row.source == *source);
    row.cloned().unwrap_or_else(|| Arc::new(SourceRow::new(source.clone())))
}

fn cells_of(cells: Cells) -> impl Iterator<Item = usize> {
    (0..CELLS).filter(move |cell| cells >> cell & 1 == 1)
}

fn collect_names<'f>(
    filter: &'f Filter,
    sources: &mut BTreeSet<&'f Name>,
    fields: &mut BTreeSet<&'f FieldPath>,
) {
    match filter {
        Filter::Source(source) => {
            sources.insert(source);
        }
        Filter::Field { path, .. } => {
            fields.insert(path);
        }
        Filter::All(parts) | Filter::Any(parts) => {
            parts.iter().for_each(|part| collect_names(part, sources, fields));
        }
        Filter::Not(part) => collect_names(part, sources, fields),
        Filter::Kind(_) | Filter::Category(_) | Filter::MinPriority(_) => {}
    }
}

/// Numbers for field paths, given back when no rule names the path any more.
#[derive(Debug, Default)]
struct PathIds {
    known: FxHashMap<FieldPath, (PathId, usize)>,
    free: Vec<PathId>,
}

impl PathIds {
    fn acquire(&mut self, field: &FieldPath) -> PathId {
        if let Some((id, uses)) = self.known.get_mut(field) {
            *uses += 1;
            return *id;
        }
        let fresh = || PathId(u32::try_from(self.known.len()).expect("fewer than 2³² rules fit in memory"));
        let id = self.free.pop().unwrap_or_else(fresh);
        self.known.insert(field.clone(), (id, 1));
        id
    }

    fn release(&mut self, field: &FieldPath) {
        if let Some((id, uses)) = self.known.get_mut(field) {
            *uses -= 1;
            if *uses == 0 {
                self.free.push(*id);
                self.known.remove(field);
            }
        }
    }
}
