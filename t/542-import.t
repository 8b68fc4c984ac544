# mailwire import, with a sink behind it.

use strict;
use warnings;

use lib 't/lib';
use CommandTest;
use File::Temp ();
use Gate;
use Mail::Wire::Journal ();
use Mail::Wire::Sink ();
use MailboxTest ();
use Test::More;

my $folder = File::Temp->newdir;
my %rules = (
    rcpt  => { 'nobody@*' => '550 5.1.1 No such user', 'later@*' => '451 4.3.0 Later' },
    final => { 'full@*' => '552 5.2.2 Full' },
);
my $sink = Mail::Wire::Sink->new(%rules);
my $url = $sink->url;
my @ann = (qw(--to ann@example.org --retry 0 -q));

my $mbox = write_file("$folder/box", join '', map { from_line() . mail($_) . "\n" } 1 .. 7);
my $maildir = MailboxTest::write_file('md/cur/1.a:2,S', mail(8));
$maildir =~ s{/cur/.*}{};
MailboxTest::write_file($_, mail(9), $maildir) foreach 'new/2.a', '.Sent/cur/3.a:2,S';
MailboxTest::write_file('.Sent/new/.keep', '', $maildir);

# Runs it, and has what has come since: `texts`, `to`.
sub import_of {
    my @arguments = @_;
    $sink->clear;
    my ($code, $out, $err) = mailwire({}, 'import', $url, @arguments);
    my @messages = sort { $a->{data} cmp $b->{data} or $b->{recipients}[0]{address} cmp $a->{recipients}[0]{address} } $sink->messages;
    $_->{data} =~ s/\r\n/\n/g foreach @messages;
    my @to = map { my $message = $_; map { $_->{address} } @{ $message->{recipients} } } @messages;
    return { code => $code, out => $out, err => $err, messages => \@messages, texts => [ map { $_->{data} } @messages ], to => \@to };
}

sub mail { my ($n) = @_; return "From: a\@b\nMessage-ID: <$n\@x>\nDelivered-To: user$n\@example.org\n\nText $n\n" }
sub from_line { return "From sender\@example.org Thu Jan  1 00:00:00 2026\n" }
sub fresh_journal { my $path = "$folder/journal"; unlink $path; return $path }

{
    my $run = import_of(@ann, $mbox, $maildir);
    is($run->{code}, 0, 'an mbox and a Maildir: exit code 0') or diag($run->{err});
    is_deeply($run->{texts}, [ map { mail($_) } 1 .. 9, 9 ], '... all has come');
    is_deeply([ map { $_->{from} } @{ $run->{messages} } ], [ ('sender@example.org') x 7, ('') x 3 ], '... from the senders that are known');
    is($run->{out}, "10 messages read, for 10 recipients\n       10 success final 250\n", '... the sum');
    is($run->{err}, '', '-q: nothing else');
}

{
    my $run = import_of('--to', 'ann@example.org', '--folders', $maildir);
    is_deeply($run->{to}, [qw(ann@example.org ann@example.org ann+Sent@example.org)], '--folders');
    like($run->{err}, qr/\ALMTP and QMTP carry no flags.*dates.*\n/, 'says first what cannot be carried');
    unlike($run->{err}, qr/\r|\e/, 'no bar in a file');
    like(import_of('--to', 'x@y', $maildir)->{err}, qr/^nor folders: /m, '... and folders, where they are not asked for');
}

{
    my $run = import_of(qw(-q --to-header Delivered-To --map), write_file("$folder/map", "user1\@example.org -\nuser2\@example.org a\@b c\@d\n"), $mbox);
    is_deeply($run->{to}, [ 'a@b', 'c@d', map {"user$_\@example.org"} 3 .. 7 ], '--to-header, --map');
    like($run->{out}, qr/\A7 messages read, for 7 recipients\n        7 success final 250\n1 messages have no recipient/, '... the sum');
    is($run->{code}, 0, '... a map may have nobody');
    is(import_of(qw(-q --to-header X-None), $mbox)->{code}, 65, 'no recipient at all: 65');
}

# A message that cannot be read is named, and counts nowhere: of two that are the same the other one is sent.
{
    package Unreadable;
    sub path      { 'there' }
    sub offset    { 0 }
    sub length    { 1 }
    sub beginning { die "cannot read there: Input/output error\n" }
    sub header    { '<1@x>' }
    sub head      { "Message-ID: <1\@x>\n\n" }
    sub data      { die "cannot read there: Input/output error\n" }
    sub range     { undef }

    package ToAnn;
    sub recipients { return 'ann@example.org' }
}
foreach my $case ([ 'a journal', journal => Mail::Wire::Journal->new(fresh_journal(), 'lmtp://x') ], [ '--dedupe', is_deduping => 1 ], ['neither']) {
    my ($what, @options) = @$case;
    require Mail::Wire::Import;
    require Mail::Wire::Mailbox;
    my $box = Mail::Wire::Mailbox->new($mbox);
    my @messages = (bless([], 'Unreadable'), $box->next);
    my @failed;
    my $import = Mail::Wire::Import->new(@options, envelope => bless([], 'ToAnn'), window => 9, stopped => sub { 0 }, failed => sub { push @failed, @_ });
    $import->run(sub { shift @messages });
    is_deeply(\@failed, ["cannot read there: Input/output error\n"], "a message that cannot be read, with $what: it is named");
    is_deeply([ @{ $import->count }{qw(messages recipients left unreadable duplicate)} ], [ 1, 1, 1, 1, 0 ], '... and the next one is sent');
}

# Nobody hears of it: what was answered is in the journal all the same.
SKIP: {
    skip 'no /dev/full', 4 if not -c '/dev/full';
    my $many = write_file("$folder/many", join '', map { from_line() . mail($_) . "\n" } 1 .. 400);
    my @how = ('import', $url, qw(--to nobody@example.org --retry 0 -q --window 40 --journal), fresh_journal(), $many);
    $sink->clear;
    is((mailwire({ stdout => '/dev/full' }, @how))[0], 74, 'standard output is full: 74');
    my ($code, $out) = mailwire({}, @how);
    unlike($out, qr/in doubt/, '... and nothing is in doubt');
    my ($answered) = $out =~ /^ *(\d+) answered in an earlier run/m;
    my ($refused) = $out =~ /^ *(\d+) failure/m;
    is(($answered || 0) + ($refused || 0), 400, '... each was answered, or is now') or diag($out);
    cmp_ok($answered || 0, '>', 0, '... some of them then');
}

# ---------------------------------------------------------------- refusals

{
    my $saved = "$folder/refused";
    my @to = map { ('--to' => "$_\@example.org") } qw(ann nobody later full);
    my $run = import_of(qw(-q --retry 0), @to, '--save-refused', $saved, write_file("$folder/one.eml", mail(1)));
    is($run->{code}, 73, 'the worst result is the exit code');
    is($run->{out}, <<"END", 'a line for each that is no success, and the sum');
$folder/one.eml: <nobody\@example.org>: failure (rcpt) 550 5.1.1 No such user
$folder/one.eml: <later\@example.org>: deferral (rcpt) 451 4.3.0 Later
$folder/one.eml: <full\@example.org>: failure (final) 552 5.2.2 Full
1 messages read, for 4 recipients
        1 success final 250
        1 failure final 552 5.2.2 Full
        1 failure rcpt 550 5.1.1 No such user
        1 deferral rcpt 451 4.3.0 Later
END
    is(read_file("$saved/000001.eml"), mail(1), '--save-refused: the message');
    is(read_file("$saved/refused.txt"), <<"END", '... whom it was refused for');
000001.eml $folder/one.eml 0 <nobody\@example.org>: failure (rcpt) 550 5.1.1 No such user
000001.eml $folder/one.eml 0 <full\@example.org>: failure (final) 552 5.2.2 Full
END
    $run = import_of(qw(-q --json --to nobody@example.org), "$folder/one.eml");
    like($run->{out}, qr/\A\{"code":550,.*"file":".*one\.eml".*\}\n\{"summary":\{.*"groups":\[\{"code":"550","count":1,.*\}\n\z/, '--json');
}

# ---------------------------------------------------------------- the journal

{
    my $journal = fresh_journal();
    my @again = (@ann, '--journal', $journal);
    is(scalar @{ import_of(@again, $mbox)->{texts} }, 7, 'with a journal');
    my $run = import_of(@again, $mbox, $maildir);
    is_deeply($run->{texts}, [ map { mail($_) } 8, 9, 9 ], 'what was answered is not sent again, what is new is');
    like($run->{out}, qr/^        7 answered in an earlier run$/m, '... the sum says so');
    rename "$maildir/cur/1.a:2,S", "$maildir/cur/1.a:2,RS" or die $!;
    rename "$maildir/new/2.a", "$maildir/cur/2.a:2," or die $!;
    write_file($mbox, read_file($mbox) . from_line() . mail(10) . "\n");
    $run = import_of(@again, $mbox, $maildir);
    is_deeply($run->{texts}, [ mail(10) ], 'flags have changed, an mbox has grown');
    is_deeply(import_of(qw(--to ben@example.org -q --journal), $journal, $mbox)->{to}, [ ('ben@example.org') x 8 ], 'another recipient has not got it');
    is_deeply(import_of(@again, '--dry-run', '--to', 'eve@example.org', $mbox)->{texts}, [], '--dry-run');
    like(import_of(@again, '--dry-run', '--to', 'eve@example.org', $mbox)->{out}, qr/^        8 answered.*\n        8 would be sent$/m, '... counts');
}

{
    my $journal = fresh_journal();
    my @again = (qw(-q --retry 0 --to later@example.org --to ann@example.org --to nobody@example.org --journal), $journal, "$folder/one.eml");
    import_of(@again);
    is_deeply(import_of(@again)->{to}, [], 'a recipient who was deferred is tried again, the others are not');
    is_deeply([ grep {/RCPT/} $sink->commands ], ['RCPT TO:<later@example.org>'], '... alone');
}

{
    my $journal = fresh_journal();
    my $text = "J\t1\t$url\nF\t$mbox\n" . join '', map {"S\t$_->[0]\t$_->[1]\t$_->[2]\t$_->[3]\tann\@example.org\n"} named(0 .. 2);
    write_file($journal, frame($text));
    my @again = (@ann, '--journal', $journal, $mbox);
    my $run = import_of(@again);
    is_deeply($run->{texts}, [ map { mail($_) } 10, 4 .. 7 ], 'what a killed run has sent is not sent again');
    like($run->{out}, qr/^        3 in doubt from an earlier run, not sent again$/m, '... and counted');
    is(() = $run->{out} =~ /^\Q$mbox\E at \d+: <ann\@example\.org>: in doubt: /mg, 3, '... and named');
    is($run->{code}, 75, '... exit code 75');
    $run = import_of(@again, qw(--in-doubt resend));
    is_deeply($run->{texts}, [ map { mail($_) } 1 .. 3 ], '--in-doubt resend');
    is($run->{code}, 0, '... 0');
    unlike(import_of(@again)->{out}, qr/in doubt/, '... no doubt is left');
    write_file($journal, frame($text));
    is_deeply(import_of(@again, qw(--in-doubt skip))->{texts}, [ map { mail($_) } 10, 4 .. 7 ], '--in-doubt skip');
    like(import_of(@again)->{out}, qr/^        8 answered in an earlier run$/m, '... no doubt is left');
}

sub frame { my ($text) = @_; return sprintf("#%d %s\n", length $text, Mail::Wire::Journal::_sum($text)) . $text }

# Number, offset, length and hash of messages of the mbox.
sub named {
    my ($messages) = MailboxTest::messages_of($mbox);
    return map { my $message = $messages->[$_]; [ $_ + 1, $message->offset, $message->length, Mail::Wire::Journal->hash_of($message->as_string) ] } @_;
}

# A link that is lost in front of an answer.
foreach my $case (
    [ 'report', 75, 1, qr/^ +1 in doubt final 421 /m, qr/in doubt: an earlier run sent it/ ],
    [ 'resend', 0, 2, qr/^ +1 success final 250$/m, qr/answered in an earlier run/ ],
) {
    my ($policy, $expected, $times, $sum, $later) = @$case;
    my $closes = Mail::Wire::Sink->new(close_at => { stage => 'final' }, only_link => 2);    # the first one is only looked at
    my $journal = fresh_journal();
    my @how = ('import', $closes->url, @ann, qw(--retry 1 --in-doubt), $policy, '--journal', $journal, "$folder/one.eml");
    my ($code, $out, $err) = mailwire({}, @how);
    is($code, $expected, "--in-doubt $policy, where the answer does not come: $expected") or diag($out, $err);
    is(scalar(my @came = $closes->messages), $times, "... sent $times times");
    like($out, $sum, '... which is told');
    like((mailwire({}, @how[ 0, 1 ], @ann, '--journal', $journal, "$folder/one.eml"))[1], $later, '... and known later');
}

# ---------------------------------------------------------------- duplicates

{
    my $more = write_file("$folder/more.mbox", join '', map { from_line() . "$_\n" }
        mail(1), "X-Status: O\n" . mail(1), mail(2) . 'more', "No id\n\nText\n", "No id\n\nText\n");
    my $run = import_of(@ann, '--dedupe', $more, $mbox);
    is_deeply([ sort @{ $run->{texts} } ], [ sort map({ mail($_) } 1 .. 7, 10), mail(2) . "more\n", "No id\n\nText\n" ], '--dedupe: once each');
    like($run->{out}, qr/^        3 duplicates, not sent$/m, '... and counted');
}

# ---------------------------------------------------------------- what does not work

foreach my $case (
    [ 64, [$mbox], qr/no recipients: give --to/ ],
    [ 64, [@ann], qr/no mailbox: give its path/ ],
    [ 64, [ @ann, qw(--in-doubt never), $mbox ], qr/--in-doubt never: report, resend or skip/ ],
    [ 64, [ @ann, qw(--links 0), $mbox ], qr/--links 0: a number from 1 on/ ],
    [ 64, [ @ann, '--format', 'maildirs', $mbox ], qr/--format maildirs: one of .*maildir/ ],
    [ 66, [ @ann, "$folder/none" ], qr/none: / ],
    [ 66, [ @ann, write_file("$folder/cut.mbox.gz", substr MailboxTest::packed('Gzip', from_line() . mail(1)), 0, -12) ], qr/not read: .*cut/ ],
    [ 73, [ @ann, '--journal', $mbox, $mbox ], qr/is no journal of mailwire/ ],
    [ 73, [ @ann, '--journal', "$folder/none/j", $mbox ], qr/cannot open the journal/ ],
) {
    my ($code, $arguments, $error) = @$case;
    my $run = import_of(@$arguments);
    is($run->{code}, $code, "exit code $code");
    like($run->{err}, $error, '... ' . $error);
    is_deeply($run->{texts}, [], '... nothing is sent');
}

{
    my $run = import_of(@ann, '--check-recipients', '--to', 'nobody@example.org', $mbox);
    is($run->{code}, 67, '--check-recipients');
    like($run->{out}, qr/\A<nobody\@example\.org>: failure \(rcpt\) 550 5\.1\.1 No such user\n8 messages read, for 16 recipients\n2 addresses, of which the server says:\n/, '... who is refused');
    is_deeply($run->{texts}, [], '... nothing is sent');
}

# ---------------------------------------------------------------- a signal

{
    my @gates = map { Gate->new } 1 .. 2;
    my %holds_at = (6 => $gates[0]->rule, 40 => $gates[1]->rule);
    my $come = 0;
    my $holds = Mail::Wire::Sink->new(final => sub { my $hold = $holds_at{ ++$come }; $hold ? $hold->() : undef });
    my $many = write_file("$folder/many", join '', map { from_line() . mail($_) . "\n" } 1 .. 200);
    my $journal = fresh_journal();
    my @again = ('import', $holds->url, @ann, qw(--window 8 --links 2 --journal), $journal, $many);
    my $pid = start({}, @again);
    ok($gates[0]->await, 'a run has begun');
    kill 'INT', $pid;
    $gates[0]->open;
    my ($code, $out, $err) = finish($pid);
    my $sent = $holds->messages;
    is($code, 75, 'SIGINT: exit code 75') or diag($err);
    cmp_ok($sent, '<=', 6 + 8, '... nothing more is sent');
    like($out, qr/^ +$sent success final 250$/m, '... all that was sent has its answer');
    $pid = start({}, @again);
    ok($gates[1]->await, 'goes on');
    kill 'KILL', $pid;
    is((finish($pid))[0], -9, 'SIGKILL');
    $gates[1]->open;
    ($code, $out) = mailwire({}, @again);
    my %seen;
    $seen{ $_->{data} }++ foreach $holds->messages;
    my ($doubts) = $out =~ /^ +(\d+) in doubt/m;
    cmp_ok($doubts || 0, '<=', 8, 'in doubt at most a window');
    is_deeply([ grep { $seen{$_} != 1 } keys %seen ], [], 'nothing is sent twice');
    cmp_ok(keys(%seen) + ($doubts || 0), '>=', 200, 'nothing is lost');
    is($code, $doubts ? 75 : 0, 'the exit code');
}

# What waits for its turn, or to be tried again, does not wait any more.
{
    my $three = write_file("$folder/three", join '', map { from_line() . mail($_) . "\n" } 1 .. 3);
    my $journal = fresh_journal();
    $sink->clear;
    my $pid = start({}, 'import', $url, @ann, qw(--links 1 --rate 0.01 --window 2 --journal), $journal, $three);
    ok($sink->wait_for(1, 60), 'a slow run has begun');
    kill 'INT', $pid;
    my ($code, $out, $err) = finish($pid);
    is($code, 75, 'SIGINT while others wait for their turn: exit code 75') or diag($err);
    is(scalar(my @came = $sink->messages), 1, '... they are not sent');
    my ($read, $sent, $waited, $left) = map { $out =~ /^ *(\d+) $_/m ? $1 : 0 }
        'messages read', 'success final 250\n', 'deferral connect 421 stopped by SIGINT\n', 'not sent, as the run was ended\n';
    is_deeply([ $sent, $waited + $left ], [ 1, $read - 1 ], '... and told of') or diag($out);
    unlike($err, qr/does not answer any more/, '... the server is not to blame');
    my $again = import_of(@ann, '--journal', $journal, $three);
    is_deeply($again->{texts}, [ map { mail($_) } 2, 3 ], '... the next run sends them');
    unlike($again->{out}, qr/in doubt/, '... and nothing is in doubt');

    $journal = fresh_journal();
    $sink->clear;
    $pid = start({}, 'import', $url, qw(-q --to later@example.org --journal), $journal, $three);
    my $tried = sub { scalar grep {/\ARCPT/} $sink->commands };
    ok(wait_for(sub { $tried->() == 3 }), 'messages are deferred');
    kill 'TERM', $pid;
    ($code, $out, $err) = finish($pid);
    is($code, 75, 'SIGTERM: exit code 75') or diag($err);
    like($out, qr/^ +3 deferral rcpt 451 4\.3\.0 Later$/m, '... with the answer that there was');
    cmp_ok($tried->(), '<', 3 * 4, '... and they are not tried to the end');
}

done_testing;
