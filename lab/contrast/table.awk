# SPDX-License-Identifier: MIT
# table.awk LIST PLAIN TSAN - docs/contrast.md from the measurements.

function value(name,    i, pair) {
    for (i = 3; i <= NF; i++) {
        split($i, pair, "=")
        if (pair[1] == name)
            return pair[2]
    }
    return 0
}

function kinds(    text) {
    text = ""
    if (value("failed") > 0)
        text = text ", " value("failed") " by a check"
    if (value("crashed") > 0)
        text = text ", " value("crashed") " by an assertion or a fault"
    if (value("hung") > 0)
        text = text ", " value("hung") " hung"
    if (value("reported") > 0)
        text = text ", " value("reported") " reported"
    return text
}

function hits(    sum) {
    sum = value("failed") + value("crashed")
    return sum + value("hung") + value("reported")
}

function number(n) {
    if (n < 1000)
        return n
    return sprintf("%d,%03d", n / 1000, n % 1000)
}

FILENAME == ARGV[1] {
    order[++count] = $1 " " $2
    least[$1 " " $2] = $3
    next
}
{
    text = hits() == 0 ? "0" : number(hits())
    if (hits() > 0)
        text = text " (" substr(kinds(), 3) ")"
    text = text " in " number(value("rounds"))
    if (FILENAME == ARGV[2]) {
        plain[$1 " " $2] = text
        plain_hits[$1 " " $2] = hits()
    } else {
        tsan[$1 " " $2] = text
        tsan_reports[$1 " " $2] = value("reported")
    }
}

END {
    while ((getline line < "lab/contrast/head.md") > 0)
        print line
    print "| scenario | rule broken | preemptions | plain stress | sanitizer |"
    print "| --- | --- | --- | --- | --- |"
    for (i = 1; i <= count; i++) {
        key = order[i]
        split(key, words, " ")
        if (!(key in plain) && !(key in tsan))
            continue
        if (words[2] == "-") {
            silent++
            if (plain_hits[key] != 0)
                loud = loud " " words[1]
        } else {
            if (key in plain) {
                pairs++
                never += plain_hits[key] == 0
            }
            if (key in tsan) {
                tsan_pairs++
                unreported += tsan_reports[key] == 0
            }
        }
        printf "| %s | %s | %s | %s | %s |\n", words[1],
            words[2] == "-" ? "none" : words[2], least[key],
            key in plain ? plain[key] : "not measured",
            key in tsan ? tsan[key] : "not measured"
    }
    printf "\nOf %d broken rules plain stress found nothing of %d", pairs, never
    printf "; of %d the sanitizer reported\nnothing of %d.\n", tsan_pairs,
        unreported
}
