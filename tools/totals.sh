#!/bin/sh
# Sums up what ctest ran: totals.sh LOG... with logs of `ctest -V` gives "N passed, N failed", and
# ", N skipped" when a test was. It counts cmocka's cases; a case that began and never ended (a
# crash) is a failure, and so is a program that failed with no failed case (a leak found at the
# exit, a timeout). A program without cases counts as one. With --skipped or --failed first, lists
# those instead of counting.
set -eu
what=count
case ${1:-} in
--skipped) what=skipped; shift ;;
--failed) what=failed; shift ;;
esac
[ $# -gt 0 ] || { echo "usage: totals.sh [--skipped|--failed] LOG..." >&2; exit 2; }
# shellcheck disable=SC2016 # awk's own variables
LC_ALL=C awk -v what="$what" '
# "12: [       OK ] name" in any order of programs, since ctest runs several at once.
match($0, /^[0-9]+: /) {
    program = FILENAME " " substr($0, 1, RLENGTH - 2)
    if (match($0, /\[ +(RUN|OK|FAILED|SKIPPED) +\] /)) {
        word = substr($0, RSTART, RLENGTH)
        gsub(/[^A-Z]/, "", word)
        name = substr($0, RSTART + RLENGTH)
        sub(/[ \r]*$/, "", name)
        # the summary at the end of a program repeats the names; "3 test(s)" are its sums
        if (name !~ /^[0-9]+ test\(s\)/)
            note(program SUBSEP name, word)
    }
    next
}
# " 3/40 Test #12: unit/test_x ......   Passed    0.01 sec"
match($0, /^ *[0-9]+\/[0-9]+ Test +#[0-9]+: /) {
    number = substr($0, RSTART, RLENGTH)
    gsub(/^.*#|: $/, "", number)
    rest = substr($0, RSTART + RLENGTH)
    title = rest
    sub(/ .*$/, "", title)
    program = FILENAME " " number
    titles[program] = title
    ended[program] = rest ~ /\*\*\*Skipped/ ? "SKIPPED" : rest ~ / Passed / ? "OK" : "FAILED"
}
function note(key, word,    part) {
    if (!(key in outcome)) {
        order[++n] = key
        split(key, part, SUBSEP)
        cases[part[1]]++
    }
    if (word != "RUN" || !(key in outcome))
        outcome[key] = word
}
function count(word, program, name,    where) {
    sum[word]++
    where = program in titles ? titles[program] : program
    if (what == "skipped" && word == "SKIPPED" || what == "failed" && word == "FAILED")
        print where (name == "" ? "" : ": " name)
}
END {
    for (i = 1; i <= n; i++) {
        split(order[i], part, SUBSEP)
        word = outcome[order[i]] == "RUN" ? "FAILED" : outcome[order[i]]
        failed_in[part[1]] += word == "FAILED"
        count(word, part[1], part[2])
    }
    for (program in ended)
        if (!(program in cases))
            count(ended[program], program, "")
        else if (ended[program] == "FAILED" && !failed_in[program])
            count("FAILED", program, "the program failed though no case did")
    if (what == "count")
        printf "%d passed, %d failed%s\n", sum["OK"], sum["FAILED"],
               sum["SKIPPED"] ? ", " sum["SKIPPED"] " skipped" : ""
}' "$@"
