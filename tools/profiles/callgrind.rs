//! Profiles by callgrind: what was executed where, and who called whom.
//!
//! Source: "Callgrind Format Specification", valgrind's manual. Compressed names and positions are understood; jumps are
//! passed over. Costs other than instructions and bus events are read past: no question here needs them by place.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use crate::ProfileError;

/// What was executed at a place, or on behalf of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cost {
    /// Callgrind's `Ir`.
    pub instructions: u64,
    /// Callgrind's `Ge`; 0 if that was not collected.
    pub bus_events: u64,
}

/// A function as the linker knows it: what it had inlined belongs to it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Function {
    /// The program or library.
    pub object: Arc<str>,
    /// Its name, demangled by valgrind.
    pub name: Arc<str>,
}

/// What one instruction, or one line if the profile has no instructions, cost by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// In this function.
    pub function: Function,
    /// Of the instruction, relative to where the object was loaded.
    pub address: Option<u64>,
    /// Without calls.
    pub cost: Cost,
}

/// All calls from one place to one function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Who calls.
    pub caller: Function,
    /// The calling instruction.
    pub address: Option<u64>,
    /// Who is called.
    pub callee: Function,
    /// The first instruction that is executed there.
    pub entry: Option<u64>,
    /// How often, also while nothing was collected: callgrind does not tell these apart.
    pub count: u64,
    /// Of the callee and all that it called.
    pub cost: Cost,
}

/// A whole profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// As the profile states it; the lines add up to it.
    pub total: Cost,
    /// Costs by place.
    pub lines: Vec<Line>,
    /// Calls by place.
    pub calls: Vec<Call>,
}

impl Profile {
    /// Reads a profile of one thread.
    ///
    /// # Errors
    /// If it cannot be read, is no such profile, ends early, or its lines do not add up to its total.
    pub fn read(path: &Path) -> Result<Self, ProfileError> {
        let bytes = fs::read(path).map_err(|source| ProfileError::file(path, source))?;
        // Names of functions may hold anything.
        let text = String::from_utf8_lossy(&bytes);
        parse(&text).map_err(|what| ProfileError::content(path, what))
    }
}

fn parse(text: &str) -> Result<Profile, String> {
    let mut reader = Reader::default();
    for (number, line) in text.lines().enumerate() {
        reader.line(line).map_err(|what| format!("line {}: {what}", number + 1))?;
    }
    reader.finish()
}

/// Names that the format writes once: `(1) name`, then `(1)`.
#[derive(Default)]
struct Names(HashMap<u64, Arc<str>>);

impl Names {
    fn read(&mut self, text: &str) -> Result<Arc<str>, String> {
        let compressed = text.strip_prefix('(').and_then(|rest| {
            let (number, name) = rest.split_once(')')?;
            Some((number.parse().ok()?, name.trim_start()))
        });
        match compressed {
            None => Ok(text.into()),
            Some((number, "")) => {
                self.0.get(&number).cloned().ok_or_else(|| format!("name ({number}) was not told before"))
            }
            Some((number, name)) => Ok(self.0.entry(number).insert_entry(name.into()).get().clone()),
        }
    }
}

/// Columns of a line of costs: its positions, then its events.
#[derive(Clone, Copy)]
struct Columns {
    has_addresses: bool,
    positions: usize,
    instructions: usize,
    bus_events: Option<usize>,
}

#[derive(Default)]
struct Reader {
    positions: Option<(bool, usize)>,
    columns: Option<Columns>,
    total: Option<Cost>,
    ended: bool,
    objects: Names,
    functions: Names,
    object: Option<Arc<str>>,
    function: Option<Function>,
    called_object: Option<Arc<str>>,
    callee: Option<Function>,
    calls_ahead: Option<(u64, Option<u64>)>,
    jump_ahead: bool,
    address: u64,
    lines: Vec<Line>,
    calls: Vec<Call>,
}

impl Reader {
    fn line(&mut self, line: &str) -> Result<(), String> {
        let line = line.trim_end();
        match line.as_bytes().first() {
            None | Some(b'#') => Ok(()),
            Some(b'0'..=b'9' | b'+' | b'-' | b'*') => self.cost(line),
            Some(_) => match line.split_once([':', '=']) {
                Some((key, value)) if line.as_bytes()[key.len()] == b'=' => self.name(key, value),
                Some((key, value)) => self.header(key, value.trim()),
                None => Err(format!("`{line}` is none of callgrind's")),
            },
        }
    }

    fn header(&mut self, key: &str, value: &str) -> Result<(), String> {
        match key {
            "positions" => {
                let kinds: Vec<_> = value.split_whitespace().collect();
                self.positions = Some((kinds.first() == Some(&"instr"), kinds.len()));
            }
            "events" => {
                let column = |event| value.split_whitespace().position(|name| name == event);
                let (has_addresses, positions) = self.positions.unwrap_or((false, 1));
                let instructions =
                    column("Ir").ok_or("no event `Ir`: these are not counts of instructions")?;
                self.columns =
                    Some(Columns { has_addresses, positions, instructions, bus_events: column("Ge") });
            }
            "summary" | "totals" => {
                let cost = self.events(&value.split_whitespace().collect::<Vec<_>>())?;
                let known = *self.total.get_or_insert(cost);
                if known != cost {
                    return Err(
                        "`summary` and `totals` differ: this is not the profile of one part".to_owned()
                    );
                }
                self.ended |= key == "totals";
            }
            _ => {}
        }
        Ok(())
    }

    fn name(&mut self, key: &str, value: &str) -> Result<(), String> {
        match key {
            "ob" => self.object = Some(self.objects.read(value)?),
            "cob" => self.called_object = Some(self.objects.read(value)?),
            "fn" => self.function = Some(self.function_of(value, self.object.clone())?),
            "cfn" => {
                let object = self.called_object.take().or_else(|| self.object.clone());
                self.callee = Some(self.function_of(value, object)?);
            }
            "calls" => {
                let mut words = value.split_whitespace();
                let count = words.next().and_then(|count| count.parse().ok());
                let count = count.ok_or_else(|| format!("`calls={value}` has no number"))?;
                let has_addresses = self.columns.is_some_and(|columns| columns.has_addresses);
                let entry =
                    words.next().filter(|_| has_addresses).map(|word| self.position(word)).transpose()?;
                self.calls_ahead = Some((count, entry));
            }
            "jump" | "jcnd" => self.jump_ahead = true,
            // Files: lines are told by the program's own debug information, which knows what was inlined.
            _ => {}
        }
        Ok(())
    }

    fn function_of(&mut self, value: &str, object: Option<Arc<str>>) -> Result<Function, String> {
        let object = object.unwrap_or_else(|| "???".into());
        Ok(Function { object, name: self.functions.read(value)? })
    }

    fn cost(&mut self, line: &str) -> Result<(), String> {
        let words: Vec<_> = line.split_whitespace().collect();
        let columns = self.columns.ok_or("costs before `events:`")?;
        if words.len() < columns.positions {
            return Err(format!("`{line}` has fewer than {} positions", columns.positions));
        }
        let address = if columns.has_addresses { Some(self.position(words[0])?) } else { None };
        self.address = address.unwrap_or_default();
        if std::mem::take(&mut self.jump_ahead) {
            return Ok(());
        }
        let cost = self.events(&words[columns.positions..])?;
        let function = self.function.clone().ok_or("costs before `fn=`")?;
        match self.calls_ahead.take() {
            Some((count, entry)) => {
                let callee = self.callee.take().ok_or("`calls=` without `cfn=`")?;
                self.calls.push(Call { caller: function, address, callee, entry, count, cost });
            }
            None => self.lines.push(Line { function, address, cost }),
        }
        Ok(())
    }

    /// `0x1f`, `+3`, `-3` or `*`: absolute, or relative to the position of the costs before.
    fn position(&self, word: &str) -> Result<u64, String> {
        let number = |digits: &str| match digits.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16).ok(),
            None => digits.parse().ok(),
        };
        let moved = match word.as_bytes()[0] {
            b'*' => Some(self.address),
            b'+' => number(&word[1..]).and_then(|by| self.address.checked_add(by)),
            b'-' => number(&word[1..]).and_then(|by| self.address.checked_sub(by)),
            _ => number(word),
        };
        moved.ok_or_else(|| format!("`{word}` is no address"))
    }

    /// Trailing zeros may be left out.
    fn events(&self, words: &[&str]) -> Result<Cost, String> {
        let columns = self.columns.ok_or("figures before `events:`")?;
        let at = |column: usize| match words.get(column) {
            Some(word) => word.parse().map_err(|_| format!("`{word}` is no count")),
            None => Ok(0),
        };
        Ok(Cost {
            instructions: at(columns.instructions)?,
            bus_events: columns.bus_events.map_or(Ok(0), at)?,
        })
    }

    fn finish(self) -> Result<Profile, String> {
        if !self.ended {
            return Err("it ends early, without `totals:`; the run was cut off".to_owned());
        }
        let total = self.total.unwrap_or_default();
        let sum: u64 = self.lines.iter().map(|line| line.cost.instructions).sum();
        if sum != total.instructions {
            return Err(format!("its lines add up to {sum} instructions, not to {}", total.instructions));
        }
        Ok(Profile { total, lines: self.lines, calls: self.calls })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROFILE: &str = "\
# callgrind format
version: 1
creator: callgrind-3.19.0
desc: Trigger: Program termination

positions: instr line
events: Ir Dr Ge
summary: 60 8 3

ob=(1) /bin/program
fl=(1) a.rs
fn=(1) main
0x10 4 10 0 1
+2 5 5
cob=(2) /lib/libc.so
cfi=(2) ???
cfn=(2) malloc
calls=3 0x20 0
* 5 40 8 2
jump=2 0x10 4
* 5

ob=(2)
fl=(2)
fn=(2)
0x20 0 40 8 2
ob=(1)
fn=(3) core::ptr::drop_in_place<alloc::vec::Vec<a::B>>
0x30 1 5
totals: 60 8 3
";

    fn function(object: &str, name: &str) -> Function {
        Function { object: object.into(), name: name.into() }
    }

    #[test]
    fn costs_calls_and_compressed_names_are_read() {
        let profile = parse(PROFILE).expect("a profile");
        assert_eq!(profile.total, Cost { instructions: 60, bus_events: 3 });
        let main = function("/bin/program", "main");
        let line = |function: &Function, address, instructions, bus_events| Line {
            function: function.clone(),
            address: Some(address),
            cost: Cost { instructions, bus_events },
        };
        let malloc = function("/lib/libc.so", "malloc");
        let dropped = function("/bin/program", "core::ptr::drop_in_place<alloc::vec::Vec<a::B>>");
        let expected = [
            line(&main, 0x10, 10, 1),
            line(&main, 0x12, 5, 0),
            line(&malloc, 0x20, 40, 2),
            line(&dropped, 0x30, 5, 0),
        ];
        assert_eq!(profile.lines, expected);
        let call = Call {
            caller: main,
            address: Some(0x12),
            callee: malloc,
            entry: Some(0x20),
            count: 3,
            cost: Cost { instructions: 40, bus_events: 2 },
        };
        assert_eq!(profile.calls, [call]);
    }

    #[test]
    fn lines_alone_have_no_addresses() {
        let profile = parse("events: Ir\nfn=main\n12 7\ntotals: 7\n").expect("the oldest form");
        assert_eq!(profile.lines[0].address, None);
        assert_eq!(profile.lines[0].cost.instructions, 7);
    }

    #[test]
    fn what_is_no_whole_profile_is_refused_with_its_line() {
        for (text, what) in [
            (PROFILE.replace("totals: 60 8 3\n", ""), "ends early"),
            (PROFILE.replace("0x30 1 5", "0x30 1 6"), "add up to 61 instructions, not to 60"),
            (PROFILE.replace("totals: 60", "totals: 61"), "line 30: `summary` and `totals` differ"),
            (PROFILE.replace("Ir Dr", "Bc Dr"), "line 7: no event `Ir`"),
            (PROFILE.replace("0x20 0 40", "0x20 0 x"), "line 26: `x` is no count"),
            (PROFILE.replace("0x30", "0xzz"), "line 29: `0xzz` is no address"),
            (PROFILE.replace("fn=(2)\n0x20", "fn=(9)\n0x20"), "name (9) was not told"),
            (PROFILE.replace("+2 5 5", "+2"), "fewer than 2 positions"),
            ("{}".to_owned(), "line 1: `{}` is none of callgrind's"),
            (String::new(), "ends early"),
        ] {
            let refusal = parse(&text).expect_err(what);
            assert!(refusal.contains(what), "{refusal}, not {what}");
        }
    }
}
