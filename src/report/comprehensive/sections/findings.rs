use super::{comparison, missing, strings};
use crate::analysis::findings::{Answer, Finding, Sentence, Topic};
use crate::report::comprehensive::Judged;
use crate::report::comprehensive::model::{Block, Cell, Line, Row, Section, Table};

/// For who decides: what to do, what it brings, what it costs, what can go wrong, and what is not known.
pub(super) fn summary(judged: &Judged<'_>) -> Option<Section> {
    let found = &judged.findings;
    let mut blocks: Vec<Block> = judged.run.mixture().into_iter().map(mixed).collect();
    let unfinished = judged.run.files.iter().filter(|file| !file.complete);
    blocks.extend(unfinished.map(|file| {
        Block::Warning(format!("{} was interrupted: not all that was asked for is in it.", file.name))
    }));
    blocks.extend(judged.compared.as_ref().and_then(comparison::unreliable).map(Block::Warning));
    if found.summary.is_empty() {
        blocks.push(Block::Paragraph("No recommendation: nothing in these results supports one.".to_owned()));
    } else {
        blocks.push(Block::Sentences(
            found.summary.iter().map(|finding| line(String::new(), &finding.sentence)).collect(),
        ));
    }
    blocks.push(Block::Paragraph(unknown(judged)));
    Section::of("summary", "Summary", blocks)
}

fn mixed(what: String) -> Block {
    Block::Warning(format!(
        "These files are not of one run ({what}): compare figures of different files with care."
    ))
}

/// What nobody can say from these results.
fn unknown(judged: &Judged<'_>) -> String {
    let open = judged.findings.criteria.iter().filter_map(|criterion| match &criterion.answer {
        Answer::NotMeasured(_) => {
            Some(format!("whether {} is {}", criterion.system, as_adjective(criterion.asks)))
        }
        Answer::Yes | Answer::No => None,
    });
    let missing = judged.findings.not_measured.iter().map(|missing| missing.what.clone());
    let rates = missing::unconfirmed(judged).into_iter().map(|[what, _]| what);
    let all: Vec<String> = open.chain(missing).chain(rates).collect();
    if all.is_empty() {
        return "No question of this report is open.".to_owned();
    }
    format!("Not known: {}. The reasons are under “Not measured”.", all.join("; "))
}

/// `handles production load` is no adjective: turned into one that follows *is*.
fn as_adjective(asks: &str) -> String {
    match asks {
        "handles production load" => "up to production load".to_owned(),
        "scales predictably" => "predictable in how it scales".to_owned(),
        "equal or better performance" => "nowhere slower or later".to_owned(),
        "better memory efficiency" => "more efficient with memory".to_owned(),
        "better scalability" => "better at scaling".to_owned(),
        other => other.to_owned(),
    }
}

fn line(label: String, sentence: &Sentence) -> Line {
    Line { label, sentence: sentence.clone() }
}

pub(super) fn criteria(judged: &Judged<'_>) -> Option<Section> {
    let rows = judged.findings.criteria.iter().map(|criterion| {
        let answer = match &criterion.answer {
            Answer::Yes => "yes".to_owned(),
            Answer::No => "no".to_owned(),
            Answer::NotMeasured(_) => "not measured".to_owned(),
        };
        let because = match (&criterion.answer, criterion.because.0.is_empty()) {
            (Answer::NotMeasured(why), true) => Cell::Text(why.clone()),
            _ => Cell::Sentence(criterion.because.clone()),
        };
        let cells = vec![
            Cell::Text(format!("{}: {}?", criterion.system, criterion.asks)),
            Cell::Text(answer),
            because,
        ];
        Row { place: None, cells }
    });
    let rows: Vec<Row> = rows.collect();
    let head = strings(["criterion", "answer", "because"]);
    let table = Block::Table(Table { title: "Success criteria".to_owned(), head, rows });
    Section::of("criteria", "Success criteria", vec![table])
}

pub(super) fn strengths(judged: &Judged<'_>) -> Option<Section> {
    let mut blocks = Vec::new();
    for system in &judged.findings.systems {
        for (topic, title) in [
            (Topic::Strength(system.clone()), format!("{system}: strengths")),
            (Topic::Weakness(system.clone()), format!("{system}: weaknesses")),
        ] {
            blocks.extend(listed(title, judged.findings.on(&topic)));
        }
    }
    blocks.extend(listed("Also seen".to_owned(), judged.findings.on(&Topic::Observation)));
    Section::of("findings", "Findings", blocks)
}

fn listed<'f>(title: String, findings: impl Iterator<Item = &'f Finding>) -> Vec<Block> {
    let lines: Vec<Line> = findings.map(|finding| line(String::new(), &finding.sentence)).collect();
    if lines.is_empty() { Vec::new() } else { vec![Block::Heading(title), Block::Sentences(lines)] }
}

pub(super) fn bottlenecks(judged: &Judged<'_>) -> Option<Section> {
    let of = |finding: &&Finding| matches!(finding.topic, Topic::Bottleneck(_));
    let lines: Vec<Line> = judged
        .findings
        .findings
        .iter()
        .filter(of)
        .map(|finding| line(String::new(), &finding.sentence))
        .collect();
    let blocks = if lines.is_empty() { Vec::new() } else { vec![Block::Sentences(lines)] };
    Section::of("bottlenecks", "Bottlenecks", blocks)
}

pub(super) fn recommendations(judged: &Judged<'_>) -> Option<Section> {
    let on = judged.findings.on(&Topic::Recommendation);
    let lines: Vec<Line> = on.map(|finding| line(String::new(), &finding.sentence)).collect();
    let blocks = if lines.is_empty() { Vec::new() } else { vec![Block::Sentences(lines)] };
    Section::of("recommendations", "Recommendations", blocks)
}

pub(super) fn kpis(judged: &Judged<'_>) -> Option<Section> {
    let rows: Vec<Row> = judged
        .findings
        .kpis
        .iter()
        .map(|kpi| {
            let figure = match (kpi.figure.value(), kpi.figure.why()) {
                (Some(figure), _) => Cell::Sentence(Sentence(vec![figure.clone().into()])),
                (None, why) => Cell::Text(format!("not measured: {}", why.unwrap_or_default())),
            };
            let texts = [kpi.name, &kpi.system, &kpi.of].map(|text| Cell::Text(text.to_owned()));
            Row { place: None, cells: texts.into_iter().chain([figure]).collect() }
        })
        .collect();
    let head = strings(["key figure, in per cent or as a factor", "system", "of", "figure"]);
    let note = "Anything that frees what it allocates scores 100 % in memory efficiency: whether a system is better with \
                memory is judged by its peak and by what an event asks for.";
    let table = Block::Table(Table { title: "Key figures".to_owned(), head, rows });
    Section::of("kpis", "Key figures", vec![table, Block::Paragraph(note.to_owned())])
}
