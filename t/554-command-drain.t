# mailwire drain, with a sink behind it.

use strict;
use warnings;

use lib 't/lib';
use CommandTest;
use Fcntl qw(LOCK_EX);
use File::Temp ();
use Gate;
use Mail::Wire::Sink ();
use Test::More;

my $sink = Mail::Wire::Sink->new(
    rcpt  => { 'nobody@*' => '550 5.1.1 No such user', 'later@*' => '451 4.3.0 Later' },
    final => { 'full@*' => '552 5.2.2 Full' },
);
my $url = $sink->url;

# A Maildir with messages: name => text.
sub maildir {
    my (%message) = @_;
    my $folder = File::Temp->newdir;
    mkdir "$folder/$_" or die "$folder/$_: $!" for qw(new cur tmp);
    write_file("$folder/$_", $message{$_}) for keys %message;
    return $folder;
}

sub left { my ($folder) = @_; return join ' ', sort map { m{/((?:new|cur)/[^/]+)\z} } glob "$folder/new/* $folder/cur/*" }

sub mail { my ($from, $to, $text) = @_; return "Return-Path: <$from>\nDelivered-To: $to\nSubject: $text\n\n$text\n" }

sub drained {
    my ($how, @arguments) = @_;
    $sink->clear;
    my ($code, $out, $err) = mailwire($how, 'drain', @arguments);
    my @messages = $sink->messages;
    $_->{data} =~ s/\r\n/\n/g for @messages;
    return { code => $code, out => $out, err => $err, messages => \@messages };
}

sub of { return join ' ', map { "$_->{from}>$_->{recipients}[0]{address}" } @{ $_[0]{messages} } }

{
    my $folder = maildir('new/20.a' => mail('b@x', 'ann@x', 'two'), 'new/9.b' => mail('', 'ben@x', 'one'), 'cur/30.c:2,S' => mail('c@x', 'cy@x', 'three'));
    my $run = drained({}, $url, $folder);
    is($run->{code}, 0, 'all are accepted: 0') or diag($run->{err});
    is(of($run), '>ben@x b@x>ann@x c@x>cy@x', '... the oldest first');
    is($run->{messages}[0]{data}, "Subject: one\n\none\n", '... without the envelope on top');
    is(left($folder), '', '... and removed');
    is(drained({}, $url, $folder)->{code}, 0, 'nothing to do: 0');
    is((mailwire({}, 'drain', 'lmtp:///nowhere', $folder))[0], 0, '... which needs no server');
}
SKIP: {
    skip 'no /dev/full', 2 if !-c '/dev/full';
    my $folder = maildir(map { ("new/$_.a" => mail('b@x', 'ann@x', $_)) } 100 .. 399);
    my $run = drained({ stdout => '/dev/full' }, $url, $folder);
    is($run->{code}, 74, 'nobody hears of it: 74');
    is(join(' ', sort map { $_->{data} =~ /^Subject: (\d+)$/m } @{ $run->{messages} }), join(' ', grep { !-e "$folder/new/$_.a" } 100 .. 399),
        '... and what was delivered meanwhile is removed');
}
{
    my $folder = maildir('new/1' => mail('b@x', 'nobody@x', 'a'), 'new/2' => mail('b@x', 'later@x', 'b'), 'new/3' => mail('b@x', 'full@x', 'c'),
        'new/4' => mail('b@x', 'ann@x', 'd'), 'new/.5' => 'x', 'cur/6' => mail('b@x', 'ann@x', 'e'));
    my $run = drained({}, '--new-only', $url, $folder);
    is(left($folder), 'cur/6 new/1 new/2 new/3', 'what was not accepted stays, cur with --new-only');
    is($run->{code}, 73, '... and the worst counts');
    like($run->{out}, qr{new/2: <later\@x>: deferral .*^4 messages: success 1, deferral 1, failure 2$}ms, '... and is told');
}

# The envelope: text, prefix, what is sent or said.
my @envelopes = (
    [ 'a prefix', mail('b@x', 'alias-ppp-ann@x', 'a'), 'alias-ppp-', 'b@x>ann@x' ],
    [ 'another prefix', mail('b@x', 'alias-pp-ann@x', 'a'), 'alias-ppp-', qr/does not begin with alias-ppp-/ ],
    [ 'nothing behind the prefix', mail('b@x', 'ann@x', 'a'), 'ann@x', qr/does not begin/ ],
    [ 'as Postfix writes it', "Return-Path: <b\@x>\nX-Original-To: a\@y\nDelivered-To: ann\@x\n\n", undef, 'b@x>ann@x' ],
    [ 'several', "Return-Path: <b\@x>\nDelivered-To: ann\@x\nDelivered-To: old\@x\n\n", undef, 'b@x>ann@x' ],
    [ 'no Return-Path', "Delivered-To: ann\@x\n\n", undef, qr/no Return-Path on top/ ],
    [ 'one that is not on top', "Received: x\nReturn-Path: <b\@x>\nDelivered-To: ann\@x\n\n", undef, qr/no Return-Path on top/ ],
    [ 'no Delivered-To', "Return-Path: <b\@x>\nSubject: x\n\nDelivered-To: ann\@x\n", undef, qr/no Delivered-To on top/ ],
);
for my $case (@envelopes) {
    my ($name, $text, $prefix, $expected) = @$case;
    my $folder = maildir('new/1' => $text);
    my $run = drained({}, defined $prefix ? ('--prefix', $prefix) : (), $url, $folder);
    if (ref $expected) {
        is_deeply([ $run->{code}, left($folder), $run->{messages} ], [ 65, 'new/1', [] ], "$name: stays, 65");
        like($run->{err}, $expected, '... and why');
    }
    else { is_deeply([ of($run), left($folder) ], [ $expected, '' ], $name) or diag($run->{err}) }
}

# ---------------------------------------------------------------- others in the same Maildir

{
    my $folder = maildir('new/1' => mail('b@x', 'ann@x', 'a'), 'new/2' => mail('b@x', 'ben@x', 'b'));
    open my $file, '<', "$folder/new/1" or die $!;
    flock $file, LOCK_EX;
    is_deeply([ of(drained({}, $url, $folder)), left($folder) ], [ 'b@x>ben@x', 'new/1' ], 'a message that another process has is passed');
}
{
    my $slow = Mail::Wire::Sink->new(delay => { rset => 0.1 });
    my $folder = maildir(map { ("new/$_" => mail('b@x', "u$_\@x", "m$_")) } 1 .. 60);
    my @pids = map { start({}, 'drain', $slow->url, $folder) } 1 .. 3;
    is_deeply([ map { (finish($_))[0] } @pids ], [ 0, 0, 0 ], 'three at once: 0');
    my %times;
    $times{ $_->{recipients}[0]{address} }++ for $slow->messages;
    is_deeply([ scalar keys %times, grep { $times{$_} != 1 } keys %times ], [60], '... each message once');
    is(left($folder), '', '... and removed');
}
{
    my $gate = Gate->new;
    my $holds = Mail::Wire::Sink->new(final => $gate->rule);
    my $folder = maildir('new/1' => mail('b@x', 'ann@x', 'a'));
    my $pid = start({}, 'drain', $holds->url, $folder);
    ok($gate->await, 'a message is on its way');
    rename "$folder/new/1", "$folder/cur/1:2,S" or die $!;
    $gate->open;
    my ($code, $out, $err) = finish($pid);
    is_deeply([ $code, left($folder) ], [ 0, '' ], 'one that a reader has moved to cur meanwhile is removed there') or diag($err);
}
{
    my $closes = Mail::Wire::Sink->new(close_at => { stage => 'final' });
    my $folder = maildir('new/1' => mail('b@x', 'ann@x', 'a'));
    my ($code, $out) = mailwire({}, 'drain', '--bounce-after', 1, $closes->url, $folder);
    is_deeply([ $code, left($folder) ], [ 75, 'new/1' ], 'one that may have been delivered stays: 75');
    is_deeply([ (mailwire({}, 'drain', 'lmtp:///nowhere', $folder))[0], left($folder) ], [ 69, 'new/1' ], 'no server: 69, and all stays');
}

# ---------------------------------------------------------------- signals

{
    my $gate = Gate->new;
    my $holds = Mail::Wire::Sink->new(mail => $gate->rule);
    my $folder = maildir(map { ("new/$_" => mail('b@x', 'ann@x', $_)) } 1001 .. 1200);
    my $pid = start({}, 'drain', $holds->url, $folder);
    ok($gate->await, 'messages are on their way');
    kill 'TERM', $pid;
    $gate->open;
    my ($code, $out, $err) = finish($pid);
    my $came = $holds->messages;
    is($code, 75, 'SIGTERM: what is left makes 75') or diag($err);
    is(scalar(split ' ', left($folder)), 200 - $came, '... what is on its way is waited for, and removed');
    cmp_ok($came, '>', 0, '... and has come');
    cmp_ok($came, '<=', 50, '... and nothing more is begun');
}
{
    my $leaves = leaving_server();
    my $folder = maildir(map { ("new/$_" => mail('b@x', 'ann@x', $_)) } 1001 .. 1300);
    utime 1, time - 3 * 86_400, glob "$folder/new/*";
    my $takes = write_file("$folder/takes", qq(open my \$o, '>>', shift or die; print {\$o} <STDIN>; close \$o or die;\n));
    my @bounces = ('--bounce-after', 1, '--bounce-command', "$^X $takes $folder/reports --");
    my $pid = start({}, 'drain', @bounces, 'lmtp://' . $leaves->path, $folder);
    ok(wait_for(sub { output($pid) =~ /deferral \(connect\)/ }), 'a server has gone');
    kill 'TERM', $pid;
    my ($code, $out, $err) = finish($pid);
    is($code, 69, 'SIGTERM while it is waited for: its code') or diag($err);
    like($out, qr/421 stopped by SIGTERM$/m, '... what waited does not wait any more');
    my @tried = $out =~ /deferral \(connect\) 421 (?!stopped)/g;
    is_deeply([ scalar(split ' ', left($folder)), scalar(() = read_file("$folder/reports") =~ /^From: MAILER-DAEMON/mg) ], [ 300 - @tried, scalar @tried ],
        '... what was not tried stays, and is not reported however old it is');
}

# ---------------------------------------------------------------- reports

{
    my $folder = maildir('new/1' => mail('b@x', 'nobody@x', 'a'), 'new/2' => mail('b@x', 'later@x', 'b'), 'new/3' => mail('', 'nobody@x', 'c'),
        'new/4' => mail('-b@x', 'later@x', 'd'));
    utime 1, time - 3 * 86_400, "$folder/new/4";
    my $takes = write_file("$folder/takes", qq(use strict; open my \$o, '>>', shift or die; print {\$o} "for \@ARGV\\n", <STDIN>; close \$o or die;\n));
    my @command = ('--bounce-command', "$^X $takes $folder/reports --");
    my $run = drained({}, '--bounce-after', 2.5, @command, $url, $folder);
    is(left($folder), 'new/2 new/3', 'what is refused, or too old, is reported and removed; what is young, or of nobody, stays') or diag($run->{err});
    my $reports = read_file("$folder/reports");
    is_deeply([ $reports =~ /^for (.*)$/mg ], [ '-- b@x', '-- -b@x' ], '... to the senders');
    like($reports, qr/^Content-Type: multipart\/report; .*^<nobody\@x>: failure .* 550 5\.1\.1 No such user$/ms, '... with the reason');
    like($reports, qr/^Final-Recipient: rfc822; nobody\@x\nAction: failed\nStatus: 5\.1\.1$/m, '... for programs as well');
    like($reports, qr/^Final-Recipient: rfc822; later\@x\nAction: failed\nStatus: 4\.4\.7$/m, '... what has expired');
    like($reports, qr/^Delivered-To: nobody\@x\nSubject: a$/m, '... with the header');

    $folder = maildir('new/1' => mail('b@x', 'nobody@x', 'a'));
    $run = drained({}, '--bounce-after', 1, '--bounce-command', '/nowhere/sendmail', $url, $folder);
    is(left($folder), 'new/1', 'a report that nobody takes: the message stays');
    like($run->{err}, qr{/nowhere/sendmail}, '... and why');
}

# ---------------------------------------------------------------- maildirserial's protocol

{
    my $folder = maildir('new/1' => mail('b@x', 'p-ann@x', 'a'), 'new/2' => mail('b@x', 'p-nobody@x', 'b'), 'new/3' => mail('b@x', 'p-later@x', 'c'), 'new/4' => 'x');
    my $run = drained({ stdin => join '', map {"$folder/new/$_\0"} 1 .. 5 }, qw(--serial --prefix p-), $url);
    is_deeply([ map { substr $_, 0, 1 } split /\n/, $run->{out} ], [qw(K D Z Z Z)], '--serial: a line for each name') or diag($run->{out}, $run->{err});
    is(left($folder), 'new/1 new/2 new/3 new/4', '... and nothing is removed');
    $run = drained({ stdin => "$folder/new/1" }, '--serial', $url);
    is_deeply([ $run->{code}, $run->{out} ], [ 66, '' ], 'a name without its end is none');
    my ($code, $out) = mailwire({ stdin => "$folder/new/1\0$folder/new/2\0" }, qw(drain --serial --prefix p- lmtp:///nowhere));
    like($out, qr/\AZ.*\nZ.*\n\z/, 'no server: Z for each');
}

# ---------------------------------------------------------------- usage

for my $case (
    [ 'no Maildir', [$url], 64, qr/no Maildir/ ], [ 'two', [ $url, 'a', 'b' ], 64, qr/One Maildir at a time/ ],
    [ 'a folder that is none', [ $url, '/nowhere' ], 66, qr/is \/nowhere a Maildir\?/ ],
    [ 'no number of days', [ '--bounce-after', 'soon', $url, 'a' ], 64, qr/days are a number/ ],
    [ '--serial with a Maildir', [ '--serial', $url, 'a' ], 64, qr/standard input/ ],
) {
    my ($name, $arguments, $code, $says) = @$case;
    my $run = drained({}, @$arguments);
    is($run->{code}, $code, "$name: $code");
    like($run->{err}, $says, '... and why');
}

done_testing;
