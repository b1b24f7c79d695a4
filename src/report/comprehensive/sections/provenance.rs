use super::strings;
use crate::measure::{Provenance, Reading};
use crate::report::comprehensive::Judged;
use crate::report::comprehensive::model::{Block, Section, Table};
use crate::results::StoredFile;

/// Where the figures come from.
pub(super) fn section(judged: &Judged<'_>) -> Option<Section> {
    let head = [
        "file",
        "begun (UTC)",
        "commit",
        "compiler",
        "machine",
        "C library",
        "governor",
        "load before",
        "steal",
        "seed",
        "complete",
    ];
    let mut lines = vec![strings(head)];
    lines.extend(judged.run.files.iter().map(line));
    let blocks = Table::of("Files of this report", lines, []);
    Section::of("provenance", "Provenance", blocks.into_iter().collect())
}

fn line(file: &StoredFile) -> Vec<String> {
    let complete = if file.complete { "yes" } else { "no: interrupted" };
    let Some(provenance) = &file.provenance else {
        let mut line = strings([&file.name]);
        line.resize(10, "–".to_owned());
        line.push(complete.to_owned());
        return line;
    };
    let Provenance { started, source, build, machine, seed, load_average, steal_percent } = provenance;
    let commit = reading(source, |source| {
        let commit: String = source.commit.chars().take(10).collect();
        if source.dirty { format!("{commit}, changed") } else { commit }
    });
    let cores = reading(&machine.cores, usize::to_string);
    vec![
        file.name.clone(),
        started.to_string(),
        commit,
        build.rustc.clone(),
        format!("{}, {cores} cores, {}", reading(&machine.cpu, String::clone), machine.os),
        reading(&machine.libc, String::clone),
        reading(&machine.governor, String::clone),
        reading(load_average, |load| format!("{:.2}", load.0)),
        reading(steal_percent, |percent| format!("{percent:.1} %")),
        seed.to_string(),
        complete.to_owned(),
    ]
}

fn reading<T>(reading: &Reading<T>, show: impl Fn(&T) -> String) -> String {
    reading.value().map_or_else(|| "not known".to_owned(), show)
}

/// How figures become sentences.
pub(super) fn method() -> Option<Section> {
    let paragraphs = [
        "Sentences are built from the figures that they cite and from nothing else; a figure that is missing takes its sentences \
         with it, and is listed under “Not measured”. “Faster”, “more” and “less” stand only where the interval excludes the \
         opposite and the effect is at least 1 %; a difference that the interval cannot exclude is “no difference shown”. Single \
         runs stand side by side without a winner.",
        "Ratios of throughput: rounds of both systems interleaved in random order, each with a fresh instance in a process of its \
         own; Hodges–Lehmann estimate and signed-rank interval. Shares of lost deliveries: Wilson's interval at 99 %. Growth: \
         ratios of all rounds at the smaller half of the sizes against those at the larger half, told only if they do not overlap \
         (by chance in less than one of a hundred). Heap figures are counted exactly and repeat.",
        "Success criteria. Equal or better performance: in no comparison of throughput may the interval allow more than 1 % slower, and under no \
         load may a higher P50, P95 or P99 be shown. \
         Better memory efficiency: neither more heap at the peak nor more per event, and less of one. Better scalability: more in \
         sustained rates or growth, and less in none. More resilience: fewer deliveries lost when services fail or fewer deaths \
         when memory runs out, and neither of them more. Handles production load: nothing is lost of the load that its answer \
         names, and no grade of the medium scenario is poor. Stable: no leak, and every delivery made. Scales predictably: throughput \
         follows a law along every size for which enough was measured.",
        "Instruction counts judge a kernel against its own past and never rank the systems. Latencies are compared at equal \
         offered load only, from the intended moment.",
    ];
    Section::of(
        "method",
        "Method",
        paragraphs.map(|words| Block::Paragraph(words.to_owned())).into_iter().collect(),
    )
}
