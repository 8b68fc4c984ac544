# t/c/test_exhaust.c in full; and that it sees what it is for: it is built with faults planted in the core, each of which it must find.

use strict;
use warnings;

use Config;
use File::Temp qw(tempdir);
use Test::More;

my $folder = tempdir(CLEANUP => 1);
my @cc     = split ' ', $Config{cc};
my @core   = glob 'c/*.c';

# What is planted: a name, the file, what stands there, and what does in its place.
my @planted = (
    [
        'a fence that any reply passes', 'trust.c',
        'if (mw_keywords_same(keywords, r)) {',
        'if (r->code / 100 == 2) {',
    ],
    [
        'nothing is fenced', 'flight.c',
        'if (mw_trust_must_fence(f, before))',
        'if (0)',
    ],
    [
        'an early refusal is believed', 'flight_reply.c',
        'd->refused_early |= (!mw_flight_has_left(f, d) || f->trust.early) && mw_trust_may_follow(f);',
        q{},
    ],
    [
        'a surplus reply behind the last', 'trust.c',
        'd->unsure |= mw_dialogue_has_more(f->dialogue, 1, &code);',
        q{},
    ],
    [
        "LHLO's reply for a final one", 'flight_reply.c',
        'if (r->mixed || (f->trust.fence_owed && is_hello(f, r))) {',
        'if (r->mixed) {',
    ],
    [
        'DATA refused in a group is believed', 'flight_reply.c',
        'd->unsure |= d->grouped && mw_transaction_owed(&d->to) && mw_trust_may_follow(f);',
        q{},
    ],
    [
        'a probe that always passes', 'probe.c',
        'f->trust.probe.state = passed ? MW_PROBE_PASSED : MW_PROBE_FAILED;',
        'f->trust.probe.state = MW_PROBE_PASSED;',
    ],
    [
        'BDAT LAST at once to several', 'flight_chunk.c',
        'd->split = d->grouped && d->asked > 1 && mw_trust_may_follow(f);',
        'd->split = 0;',
    ],
    [
        'the probe does not wait for RSET', 'probe.c',
        "if (mw_trust_is_open(f))\n        return mw_flight_queue_reset(f);",
        "if (mw_trust_is_open(f) && mw_flight_queue_reset(f))\n        return -1;",
    ],
    [
        'out of step, and believed', 'trust.c',
        'if (d->unsure || (!is_last(f, d) && d->has_end && !stands(f, d, why)))',
        'if (d->unsure)',
    ],
    [
        'recipients are forgotten at MAIL', 'lmtp.c',
        "case MW_KIND_MAIL:\n",
        "case MW_KIND_MAIL:\n        mw_lmtp_begin(s, s->now.count);\n",
    ],
    [
        'what is behind does not count', 'trust.c',
        'return !d->number || d->number == f->trust.queued;',
        'return 1;',
    ],
    [
        'a fence ends a transaction', 'trust.c',
        'return f->trust.opened > f->trust.reset;',
        'return 0;',
    ],
    [
        'one final reply for all', 'lmtp_content.c',
        'mw_commands_push(&s->dialogue.commands, MW_KIND_END, owed ? owed : 1);',
        'mw_commands_push(&s->dialogue.commands, MW_KIND_END, 1);',
    ],
    [
        'a surplus reply to the sync calls', 'lmtp_final.c',
        'if (is_over(s)) {',
        'if (0) {',
    ],
    [
        'surely not delivered, when it may be', 'flight_end.c',
        'MW_LMTP_LOST, words, stage == MW_STAGE_FINAL);',
        'MW_LMTP_LOST, words, 0);',
    ],
    [
        'a refused MAIL is no boundary', 'lmtp_reply.c',
        's->dialogue.lapsed |= refused || is_no_answer(r);',
        q{},
    ],
);

sub slurp {
    my ($name) = @_;
    open my $fh, '<', $name or die "$name: $!";
    local $/;
    return scalar <$fh>;
}

sub build {
    my ($program, @sources) = @_;
    return system(@cc, '-std=c99', '-D_GNU_SOURCE', '-w', '-O1', '-Ic', '-It/c', '-o', $program, 't/c/test_exhaust.c', @sources) == 0;
}

# The output's last lines, and whether it passed.
sub run {
    my ($program) = @_;
    my $output = qx{$program};
    return ($? == 0, $output);
}

# The sources, one of them changed. They include each other by name, so the changed one is put beside copies of all headers.
sub plant {
    my ($name, $file, $from, $to) = @_;
    my $text = slurp("c/$file");
    my $at   = index $text, $from;
    return if $at < 0;
    substr $text, $at, length $from, $to;
    open my $fh, '>', "$folder/$file" or die "$folder/$file: $!";
    print {$fh} $text;
    close $fh or die $!;
    return map { $_ eq "c/$file" ? "$folder/$file" : $_ } @core;
}

for my $case (@planted) {
    my ($name, $file) = @$case;
    my @sources = plant(@$case);
    ok(@sources, "$name: $file has the place") or next;
    ok(build("$folder/planted", @sources), '... is built') or next;
    my ($passed, $output) = run("$folder/planted");
    ok(!$passed && $output =~ /^not ok/m, '... is found') or diag $output;
    unlink "$folder/$file";
}

build("$folder/exhaust", @core) or BAIL_OUT('it is not built');
$ENV{MW_EXHAUST} = 'full';
my ($passed, $output) = run("$folder/exhaust");
ok($passed, 'every server') or diag $output;
my ($sessions) = $output =~ /^# (\d+) sessions/m;
note "$sessions sessions";
cmp_ok($sessions || 0, '>', 10_000_000, 'as many as there are');
done_testing;
