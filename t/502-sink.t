# The sink as a process: where it listens, what it hands over, how it ends.

use strict;
use warnings;

use Test::More;

use Digest::SHA ();
use Errno qw(ECONNRESET);
use File::Temp qw(tempdir);
use IO::Select ();
use IO::Socket::INET ();
use IO::Socket::UNIX ();
use POSIX ();
use Time::HiRes qw(time sleep);

use Mail::Wire::Sink ();

# The loopback sockets of this file wait this long for anything.
my $WAIT = 30;
local $SIG{ALRM} = sub { die "test hangs\n" };
alarm 10 * $WAIT;
$SIG{PIPE} = 'IGNORE';

sub dial {
    my ($sink) = @_;
    my $socket = defined $sink->path
        ? IO::Socket::UNIX->new(Peer => $sink->path)
        : _dial_tcp($sink);
    return $socket || die "can't reach the sink: $!\n";
}

sub _dial_tcp {
    my ($sink) = @_;
    my $class = $sink->host =~ /:/ ? 'IO::Socket::IP' : 'IO::Socket::INET';
    return $class->new(PeerHost => $sink->host, PeerPort => $sink->port, Proto => 'tcp');
}

sub say_to { my ($socket, $octets) = @_; print {$socket} $octets; $socket->flush; return }

# Reads what comes until the link's end, or until $pattern has come.
sub hear {
    my ($socket, $pattern) = @_;
    my $got = '';
    while (!defined $pattern || $got !~ $pattern) {
        IO::Select->new($socket)->can_read($WAIT) or die "nothing more behind '$got'\n";
        sysread $socket, $got, 65_536, length $got or return $got;
    }
    return $got;
}

sub converse { my ($sink, $octets) = @_; my $socket = dial($sink); say_to($socket, $octets); return hear($socket) }

# Is process $pid gone, or soon so?
sub is_gone {
    my ($pid) = @_;
    for (1 .. 50 * $WAIT) {
        return 1 if !kill 0, $pid;
        sleep 0.02;
    }
    return 0;
}

my $MESSAGE = "LHLO me\r\nMAIL FROM:<a\@example.org>\r\nRCPT TO:<b\@example.org>\r\nDATA\r\nhi\r\n.\r\nQUIT\r\n";
my $dir = tempdir(CLEANUP => 1);

# ---- where it listens

for my $case (
    [ 'IPv4', {}, qr{\Almtp://127\.0\.0\.1:[0-9]+\z} ],
    [ 'IPv6', { address => '::1' }, qr{\Almtp://\[::1\]:[0-9]+\z} ],
    [ 'UNIX', { path => "$dir/sink" }, qr{\Almtp://\Q$dir\E/sink\z} ],
) {
    my ($name, $option, $url) = @$case;
    SKIP: {
        my $sink = eval { Mail::Wire::Sink->new(%$option) };
        skip "no $name here: $@", 5 if !$sink && $name eq 'IPv6';
        like($sink->url, $url, "$name: url");
        like(converse($sink, $MESSAGE), qr/^250 2\.0\.0 Delivered\r\n221 2\.0\.0 Bye\r\n\z/m, "$name: replies");
        is_deeply([ map { $_->{data} } $sink->messages ], ["hi\r\n"], "$name: message");
        my $pid = $sink->pid;
        $sink->stop;
        ok(!kill(0, $pid), "$name: stopped");
        ok(!defined $sink->path || !-e $sink->path, "$name: nothing left behind");
    }
}
like(Mail::Wire::Sink->new(protocol => 'qmtp')->url, qr{\Aqmtp://}, 'QMTP url');

for my $case (
    [ 'not loopback', { address => '0.0.0.0' }, qr/no loopback address/ ],
    [ 'protocol', { protocol => 'smtp' }, qr/no protocol 'smtp'/ ],
    [ 'unknown option', { colour => 1 }, qr/unknown option 'colour'/ ],
    [ 'count', { missing => -1 }, qr/bad value for option 'missing'/ ],
    [ 'place', { close_at => { in => 1, out => 1 } }, qr/bad value for option 'close_at'/ ],
    [ 'delay', { delay => { mail => 'long' } }, qr/option 'delay': mail: it must be a number of seconds, 0 or more, not 'long'/ ],
    [ 'garbage', { garbage => { stage => 'mail' } }, qr/bad value for option 'garbage'/ ],
    [ 'early', { early => { send => 'x' } }, qr/bad value for option 'early'/ ],
    [ 'keywords', { lhlo => 'SIZE' }, qr/bad value for option 'lhlo'/ ],
    [ 'path in use', { path => $dir }, qr/can't listen on \Q$dir\E/ ],
    # -- faults
    [ 'place by an unknown stage', { close_at => { stage => 'bogus' } },
      qr/option 'close_at': no stage 'bogus', those of lmtp are greeting lhlo mail rcpt data body final rset noop vrfy help quit other/ ],
    [ 'place with an unknown key', { close_at => { in => 1, foo => 1 } },
      qr/option 'close_at': no key 'foo', they are stage after in out/ ],
    [ 'no place', { close_at => {} }, qr/option 'close_at': it must have one of stage, in and out/ ],
    [ 'place that is no hash', { close_at => 'rcpt' }, qr/option 'close_at': it must be a reference to a hash of stage after in out, not 'rcpt'/ ],
    [ 'place with a bad count', { close_at => { stage => 'rcpt', after => -1 } }, qr/option 'close_at': after: it must be a whole number/ ],
    [ 'octets with replies', { close_at => { in => 1, after => 1 } }, qr/option 'close_at': after goes with stage, not with in/ ],
    [ 'delay of an unknown stage', { delay => { bogus => 1 } }, qr/option 'delay': no stage 'bogus', those of lmtp are greeting / ],
    [ 'delay that is a list', { delay => [1] }, qr/option 'delay': it must be a number of seconds/ ],
    [ 'garbage at an unknown stage', { garbage => { stage => 'bogus', line => 'x' } }, qr/option 'garbage': no stage 'bogus', those/ ],
    [ 'garbage without a stage', { garbage => { line => 'x' } }, qr/option 'garbage': no stage undef/ ],
    [ 'garbage without a line', { garbage => { stage => 'rcpt' } }, qr/option 'garbage': line: it must be a text, not undef/ ],
    [ 'garbage with an unknown key', { garbage => { stage => 'rcpt', line => 'x', out => 1 } }, qr/option 'garbage': no key 'out'/ ],
    [ 'early with an unknown key', { early => { in => 1, send => 'x', stage => 1 } }, qr/option 'early': no key 'stage', they are in send close/ ],
    [ 'unknown option, undefined', { colour => undef }, qr/unknown option 'colour'/ ],

    # -- replies
    [ 'LMTP reply', { final => 'Kok' }, qr/option 'final': it must be a text that begins with a code of three digits, .*not 'Kok'/ ],
    [ 'LMTP reply of several lines', { final => [ '250 a', 'b' ] }, qr/option 'final': .*not 'b'/ ],
    [ 'LMTP reply of no line', { final => [] }, qr/option 'final': it must have a line/ ],
    [ 'LMTP reply for an address', { rcpt => { 'a@x' => '250 ok', 'b@x' => 'no' } }, qr/option 'rcpt': b\@x: it must be .*not 'no'/ ],
    [ 'LMTP reply with a line end', { final => "250 a\r\n250 b" }, qr/option 'final': it must be a text without line ends/ ],
    [ 'LMTP reply of wide characters', { final => "250 \x{263a}" }, qr/option 'final': it must be octets/ ],
    [ 'LMTP octets of wide characters', { final => \"250 \x{263a}" }, qr/option 'final': it must be octets/ ],
    [ 'garbage of wide characters', { garbage => { stage => 'final', line => "\x{263a}" } }, qr/option 'garbage': line: it must be octets/ ],
    [ 'verbs', { verbs => 'x' }, qr/option 'verbs': it must be a reference to a hash of commands and replies, or to code, not 'x'/ ],
    [ 'small verbs', { verbs => { noop => '250 ok' } }, qr/option 'verbs': commands are in capitals, not 'noop'/ ],
    [ 'keyword with a line end', { lhlo => ["SIZE\r\n250 X"] }, qr/option 'lhlo': .*not 'SIZE\\x\{d\}/ ],

    # -- QMTP
    [ 'QMTP: stage', { protocol => 'qmtp', close_at => { stage => 'rcpt' } }, qr/option 'close_at': no stage 'rcpt', those of qmtp are final/ ],
    [ 'QMTP: stage of a delay', { protocol => 'qmtp', delay => { rcpt => 1 } }, qr/option 'delay': no stage 'rcpt', those of qmtp are final/ ],
    [ 'QMTP: answer', { protocol => 'qmtp', final => '250 ok' },
      qr/option 'final': it must be a text that begins with K, Z or D, or a reference to a string, not '250 ok'/ ],
    [ 'QMTP: a list for an answer', { protocol => 'qmtp', rcpt => ['Dx'] }, qr/option 'rcpt': it must be a text that begins with K, Z or D/ ],
    [ 'QMTP: answer for an address', { protocol => 'qmtp', mail => { a => 'x' } }, qr/option 'mail': a: it must be a text that begins with K/ ],
    (map { [ "QMTP: $_->[0]", { protocol => 'qmtp', @$_ }, qr/option '$_->[0]' is for the protocol lmtp only/ ] }
        [ greeting => '220 x' ], [ lhlo => [] ], [ joined => 1 ], [ verbs => {} ], [ data => '354 x' ], [ chunking => 0 ]),
    (map { [ "LMTP: $_", { $_ => 1 }, qr/option '$_' is for the protocol qmtp only/ ] } qw(one_answer misframe oversize)),

    # -- places
    [ 'port too high', { port => 70_000 }, qr/port must be a number from 0 to 65535, not '70000'/ ],
    [ 'port in words', { port => 'abc' }, qr/port must be a number from 0 to 65535, not 'abc'/ ],
    [ 'negative port', { port => -1 }, qr/port must be a number from 0 to 65535, not '-1'/ ],
    [ 'path and port', { path => "$dir/both", port => 0 }, qr/a path goes with no port/ ],
    [ 'path and address', { path => "$dir/both", address => '127.0.0.1' }, qr/a path goes with no address/ ],
    [ 'empty path', { path => '' }, qr/'' is no name for a socket/ ],
    [ 'path that is no octets', { path => "$dir/\x{263a}" }, qr/is no name for a socket/ ],
    [ 'long path', { path => "$dir/" . 'x' x 200 }, qr/x' is no name for a socket/ ],
) {
    my ($name, $option, $want) = @$case;
    is(eval { Mail::Wire::Sink->new(%$option) }, undef, "$name: no sink");
    like($@, $want, "$name: why");
    like($@, qr/\Q$0\E/, "$name: where the caller is");
}

is(eval { Mail::Wire::Sink->new('discard'); 1 }, undef, 'odd arguments: no sink');
like($@, qr/options are pairs of a name and a value at \Q$0\E/, '... why and where');

for my $case (
    [ 'all undefined', map { $_ => undef } qw(address port path final close_at misframe greeting) ],
    [ 'a place', close_at => { stage => 'rcpt', after => undef, in => undef } ],
    [ 'delays', delay => { rcpt => 0.5, mail => undef } ],
    [ 'replies', final => { '*' => \'what?', a => undef, b => ['250'], c => sub { '250 ok' } }, verbs => sub { undef } ],
    [ 'port 0', port => 0 ],
    [ 'QMTP', protocol => 'QMTP', final => { a => 'K', b => \'0:,' }, misframe => -1, close_at => { stage => 'final' } ],
) {
    my ($name, @options) = @$case;
    ok(eval { Mail::Wire::Sink->new(@options); 1 }, "$name: fine") or diag($@);
}

# ---- links at once

{
    my $sink  = Mail::Wire::Sink->new;
    my @links = map { dial($sink) } 1 .. 40;
    hear($_, qr/\n/) for @links;
    for my $part ("LHLO me\r\nMAIL FROM:<>\r\n", "RCPT TO:<b>\r\n", "DATA\r\n", "hi\r\n.") {
        say_to($_, $part) for @links;
    }
    is(scalar(my @none = $sink->messages), 0, 'no message before its end');
    for my $link (reverse @links) {
        say_to($link, "\r\nQUIT\r\n");
        like(hear($link), qr/Delivered\r\n221 /, 'one link of many');
    }
    my @messages = $sink->messages;
    is_deeply([ map { $_->{link} } @messages ], [ reverse 1 .. 40 ], 'messages in order of arrival');
    is_deeply([ $sink->commands(7) ], [ 'LHLO me', 'MAIL FROM:<>', 'RCPT TO:<b>', 'DATA', 'QUIT' ], 'commands of a link');
    is(scalar(my @all = $sink->commands), 5 * 40, 'commands of all');
    is(scalar(my @again = $sink->messages), 40, 'messages can be had twice');
}

# ---- a big message, both ways of keeping it

for my $discard (0, 1) {
    my $sink = Mail::Wire::Sink->new(protocol => 'qmtp', discard => $discard);
    my $size = 20_000_000;
    my $link = dial($sink);
    say_to($link, 1 + $size . ":\n");
    my $block = join '', map { chr } map { $_ % 256 } 1 .. 100_000;
    say_to($link, $block) for 1 .. $size / length $block;
    say_to($link, ',0:,4:1:b,,');
    is(hear($link, qr/,/), '3:Kok,', "20 MB, discard $discard: answer");
    my ($message) = $sink->messages;
    is($message->{size}, $size, "20 MB, discard $discard: size");
    my $digest = $discard ? $message->{digest} : Digest::SHA::sha256_hex($message->{data});
    my $sha = Digest::SHA->new(256);
    $sha->add($block) for 1 .. $size / length $block;
    is($digest, $sha->hexdigest, "20 MB, discard $discard: content");
}

{
    my $sink = Mail::Wire::Sink->new(discard => 1);
    my $line = '.' . 'x' x 71 . "\r\n";
    my $link = dial($sink);
    say_to($link, "LHLO me\r\nMAIL FROM:<>\r\nRCPT TO:<b>\r\nDATA\r\n");
    my $block = ".$line" x 1000;
    say_to($link, $block) for 1 .. 500;
    say_to($link, ".\r\nQUIT\r\n");
    like(hear($link), qr/Delivered/, 'dots by the million: reply');
    is(($sink->messages)[0]{size}, 500_000 * length $line, 'dots by the million: size');
}

# ---- QMTP answers are sent while packages still come

{
    my $sink = Mail::Wire::Sink->new(protocol => 'qmtp', oversize => 1000);
    my $link = dial($sink);
    $link->blocking(0);
    my $left = "2:\nx,0:,4:1:b,," x 5000;
    my $got  = 0;
    while ($got < 5000 * 1006) {
        my ($readable, $writable) = IO::Select->select(
            IO::Select->new($link), length $left ? IO::Select->new($link) : undef, undef, $WAIT) or last;
        if (@$writable) { my $n = syswrite $link, $left; substr $left, 0, $n, '' if $n }
        if (@$readable) { sysread $link, my $octets, 65_536 or last; $got += length $octets }
    }
    is($got, 5000 * 1006, '5000 answers of 1000 octets');
}

# ---- ends of links

{
    my $sink = Mail::Wire::Sink->new(close_at => { stage => 'mail', after => 1 }, reset => 1, delay => { mail => 0.1 });
    my $link = dial($sink);
    hear($link, qr/\n/);
    say_to($link, "LHLO me\r\nMAIL FROM:<>\r\n");
    my $got = '';
    1 while sysread $link, $got, 65_536, length $got;
    ok($!{ECONNRESET}, 'reset');

    $sink = Mail::Wire::Sink->new(close_at => { in => 20 });
    $link = dial($sink);
    say_to($link, "LHLO me\r\nMAIL FROM:<>\r\n" . "NOOP\r\n" x 10_000);
    is((split /\r\n/, hear($link))[-1], '250 ENHANCEDSTATUSCODES', 'a close in good order loses no reply');

    $sink = Mail::Wire::Sink->new;
    $link = dial($sink);
    say_to($link, "LHLO me\r\nNOOP\r\n");
    shutdown $link, 1;
    like(hear($link), qr/^250 2\.0\.0 Ok\r\n\z/m, 'a client that is done writing gets its replies');

    $sink = Mail::Wire::Sink->new(close_at => { in => 0 });
    is(hear(dial($sink)), '', 'closed at once');
}

# ---- delays and small writes

{
    my $sink  = Mail::Wire::Sink->new(delay => { noop => 0.3 });
    my $other = dial($sink);
    my $link  = dial($sink);
    my $start = time;
    say_to($link, "NOOP\r\nQUIT\r\n");
    like(converse($sink, "QUIT\r\n"), qr/^221 /m, 'another link is served meanwhile');
    like(hear($link), qr/^250 .*\r\n221 .*\r\n\z/m, 'replies in order');
    cmp_ok(time - $start, '>=', 0.29, 'after the delay');

    $sink  = Mail::Wire::Sink->new(write_size => 1, write_delay => 0.002);
    $start = time;
    my $got = converse($sink, "QUIT\r\n");
    is($got, "220 localhost LMTP Mail::Wire::Sink ready\r\n221 2.0.0 Bye\r\n", 'an octet at a time');
    cmp_ok(time - $start, '>=', 0.0019 * (length($got) - 1), 'with delays between');
}

# ---- rules keep their state in the child

{
    my $count = 0;
    my $sink = Mail::Wire::Sink->new(rcpt => sub { $count++ % 2 ? '450 4.2.1 Later' : undef });
    my $got = converse($sink, "LHLO me\r\nMAIL FROM:<>\r\n" . "RCPT TO:<b>\r\n" x 3 . "QUIT\r\n");
    like($got, qr/2\.1\.5 Recipient ok\r\n450 4\.2\.1 Later\r\n250 2\.1\.5/, 'a rule that counts');
    is($count, 0, 'which the parent does not see');
}

# ---- a rule that fails comes out of the next call

my @BAD_RULE = (final => { 'b@example.org' => sub { die "broken\n" } });
my $BROKEN   = qr/\AMail::Wire::Sink: rule 'final' for 'b\@example\.org' died: broken at \Q$0\E line/;

for my $case (
    [ messages => sub { $_[0]->messages } ],
    [ commands => sub { $_[0]->commands } ],
    [ clear    => sub { $_[0]->clear } ],
    [ wait_for => sub { $_[0]->wait_for(1, 0) } ],
    [ rules    => sub { $_[0]->rules(final => undef) } ],
    [ stop     => sub { $_[0]->stop } ],
) {
    my ($name, $call) = @$case;
    my $sink = Mail::Wire::Sink->new(@BAD_RULE);
    like(converse($sink, $MESSAGE), qr/^451 4\.3\.0 Rule 'final' failed\r\n221 /m, "$name: the client may try again");
    is(eval { $call->($sink); 1 }, undef, "$name: dies");
    like($@, $BROKEN, "$name: why, and where the caller is");
    my @messages = eval { $sink->messages };
    is($@, '', "$name: once");
    is(scalar @messages, $name eq 'clear' ? 0 : 1, "$name: the message is there all the same");
    is(kill(0, $sink->pid), 0, "$name: ended") if $name eq 'stop';
}

{
    my $sink = Mail::Wire::Sink->new(rcpt => sub {'oops'});
    like(converse($sink, $MESSAGE), qr/^451 4\.3\.0 Rule 'rcpt' failed\r\n503 /m, 'rubbish is no reply');
    is(eval { $sink->messages; 1 }, undef, 'and comes out');
    like($@, qr/rule 'rcpt' for 'b\@example\.org' returned what is no reply: .* not 'oops'/, 'with what it was');
}

# Nobody asks any more: said at the end, on STDERR.
{
    my $script = "$dir/unasked.pl";
    open my $out, '>', $script or die "$script: $!\n";
    print {$out} <<'SCRIPT';
use strict;
use warnings;
use Mail::Wire::Sink;
use IO::Socket::INET;
my $sink = Mail::Wire::Sink->new(mail => sub { die "broken\n" });
my $link = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $sink->port);
print {$link} "LHLO me\r\nMAIL FROM:<>\r\nQUIT\r\n";
$link->flush;
my @replies = <$link>;
print "$replies[-2]";
SCRIPT
    close $out or die "$script: $!\n";
    my @perl = ($^X, map { "-I$_" } @INC);
    open my $pipe, '-|', 'sh', '-c', 'exec "$@" 2>&1', 'sh', @perl, $script or die "perl: $!\n";
    my $said = do { local $/; <$pipe> };
    close $pipe;
    like($said, qr/^451 4\.3\.0 Rule 'mail' failed\r?$/m, 'unasked: the client may try again');
    like($said, qr/^Mail::Wire::Sink: rule 'mail' for '' died: broken$/m, 'unasked: a warning');
}

# ---- clear, wait_for, rules

{
    my $sink = Mail::Wire::Sink->new;
    is($sink->wait_for(1, 0), 0, 'no message yet');
    is($sink->wait_for(0), 1, 'none to wait for');
    converse($sink, $MESSAGE) for 1 .. 2;
    is($sink->wait_for(2), 1, 'two messages');
    is($sink->wait_for(3, 0.01), 0, 'no third one');
    my $open = dial($sink);
    say_to($open, "LHLO me\r\nMAIL FROM:<>\r\nRCPT TO:<b>\r\nDATA\r\nlate");
    hear($open, qr/^354 /m);
    $sink->clear;
    is(scalar(my @none = $sink->messages), 0, 'cleared: no message');
    is(scalar(@none = $sink->commands), 0, 'cleared: no command');
    say_to($open, "\r\n.\r\n");
    is($sink->wait_for(1, $WAIT), 1, 'a message behind it');
    is(($sink->messages)[0]{data}, "late\r\n", 'is kept');

    $sink->rules(rcpt => { '*@bad.example' => '550 5.1.1 No' }, final => '452 4.2.2 Full');
    say_to($open, "MAIL FROM:<>\r\nRCPT TO:<x\@bad.example>\r\nRCPT TO:<b>\r\nDATA\r\n.\r\n");
    like(hear($open, qr/^452 .*\n/m), qr/^550 5\.1\.1 No\r\n250 .*\r\n354 .*\r\n452 4\.2\.2 Full\r\n/m, 'rules for an open link');
    $sink->rules(rcpt => { 'b' => '550 5.1.1 B' }, final => undef);
    say_to($open, "MAIL FROM:<>\r\nRCPT TO:<x\@bad.example>\r\nRCPT TO:<b>\r\nDATA\r\n.\r\nQUIT\r\n");
    like(hear($open), qr/^250 2\.1\.5 .*\r\n550 5\.1\.1 B\r\n354 .*\r\n250 2\.0\.0 Delivered\r\n221/m, 'other rules, and the default again');

    for my $case (
        [ 'wait_for of a word', sub { $sink->wait_for('all') }, qr/takes a number of messages, not 'all'/ ],
        [ 'wait_for a word', sub { $sink->wait_for(1, 'long') }, qr/takes a number of seconds, not 'long'/ ],
        [ 'odd rules', sub { $sink->rules('rcpt') }, qr/rules are pairs of a name and a value/ ],
        [ 'a fault', sub { $sink->rules(extra => 1) }, qr/'extra' is no rule, these are body data final greeting mail rcpt verbs/ ],
        [ 'no reply', sub { $sink->rules(rcpt => 'oops') }, qr/option 'rcpt': it must be .* not 'oops'/ ],
        [ 'code', sub { $sink->rules(rcpt => sub { }) }, qr/rule 'rcpt': code is for new only/ ],
        [ 'code for an address', sub { $sink->rules(rcpt => { b => sub { } }) }, qr/rule 'rcpt': code is for new only/ ],
    ) {
        my ($name, $call, $want) = @$case;
        is(eval { $call->(); 1 }, undef, "$name: dies");
        like($@, $want, "$name: why");
        like($@, qr/ at \Q$0\E line/, "$name: where");
    }
    $sink->stop;
    is($sink->wait_for(3, $WAIT), 1, 'messages of a stopped sink');
    is($sink->wait_for(4, $WAIT), 0, 'which gets no more');
    $sink->clear;
    is(scalar(@none = $sink->messages), 0, 'cleared');
    is(eval { $sink->rules(rcpt => undef); 1 }, undef, 'no rules for a stopped sink');
    like($@, qr/has been stopped at \Q$0\E/, '... why');
}

# ---- lifecycle

{
    my $sink = Mail::Wire::Sink->new;
    my $pid  = $sink->pid;
    converse($sink, $MESSAGE);
    $sink->stop;
    is(scalar(my @kept = $sink->messages), 1, 'messages after stop');
    is(($sink->commands)[1], 'MAIL FROM:<a@example.org>', 'commands after stop');
    $sink->stop;
    pass('stopping twice');

    $sink = Mail::Wire::Sink->new(path => "$dir/other");
    $pid = $sink->pid;
    undef $sink;
    ok(!kill(0, $pid), 'ends with its object');
    ok(!-e "$dir/other", 'and removes its path');
}

{
    my $sink = Mail::Wire::Sink->new(path => "$dir/killed");
    kill KILL => $sink->pid;
    is(eval { $sink->messages; 1 }, undef, 'a killed sink can not be asked');
    like($@, qr/process has gone at \Q$0\E/, 'and says so');
    $sink->stop;
    ok(!-e "$dir/killed", 'its path is removed');
}

# Runs $code in a forked copy, which then leaves by $leave; returns its text.
sub in_a_copy {
    my ($code, $leave) = @_;
    my $file = "$dir/said";
    my $pid  = fork;
    die "fork: $!\n" if !defined $pid;
    if (!$pid) {
        my $text = eval { $code->() };
        $text = "died: $@" if !defined $text;
        if (open my $out, '>', $file) { print {$out} $text; close $out }
        $leave ? $leave->() : POSIX::_exit(0);
    }
    waitpid $pid, 0;
    open my $in, '<', $file or die "$file: $!\n";
    my $text = do { local $/; <$in> };
    unlink $file;
    return $text;
}

{
    my $sink = Mail::Wire::Sink->new;
    my $said = in_a_copy(sub { $sink->stop; undef $sink; 'copy stopped' });
    is($said, 'copy stopped', 'stop in a forked copy');
    like(in_a_copy(sub { $sink->messages; 'asked' }), qr/\Adied: .*only the process that made/, 'asking in a forked copy');
    like(converse($sink, $MESSAGE), qr/Delivered/, 'it lives on');
    is(scalar(my @kept = $sink->messages), 1, 'and answers its own');
}

# A parent that ends without a word.  Of its three sinks the later ones have
# inherited the earlier ones' links; in one case a copy of the parent, which
# holds all of them, outlives it.  A pipe that all of them have inherited tells
# when the last one is gone.
pipe my $hold_read, my $hold_write or die "pipe: $!\n";
binmode $_ for $hold_read, $hold_write;
my ($life_read, $life_write);

sub leave_a_copy_behind {
    my $pid = fork;
    POSIX::_exit(0) if $pid;
    close $hold_write;
    close $life_write;
    sysread $hold_read, my $octet, 1;
    POSIX::_exit(0);
}

my %leave = (
    '_exit'  => sub { POSIX::_exit(0) },
    'killed' => sub { kill KILL => $$; sleep $WAIT },
    'copied' => \&leave_a_copy_behind,
);
for my $how (sort keys %leave) {
    my @sinks;
    my @paths = map { "$dir/orphan$_" } 1 .. 3;
    pipe $life_read, $life_write or die "pipe: $!\n";
    binmode $_ for $life_read, $life_write;
    my $said = in_a_copy(sub {
        @sinks = map { Mail::Wire::Sink->new(path => $_) } @paths;
        return scalar grep { -S } @paths;
    }, $leave{$how});
    close $life_write;
    is($said, 3, "$how: sinks were there");
    is(hear($life_read), '', "$how: all gone with their parent");
    is(scalar(grep { -e } @paths), 0, "$how: no path left behind");
}
close $hold_write;

# A script run as users do: its output comes once, its END blocks run once, its
# exit status stays, whatever handlers it has.
{
    my $script = "$dir/script.pl";
    open my $out, '>', $script or die "$script: $!\n";
    print {$out} <<'SCRIPT';
use strict;
use warnings;
use Mail::Wire::Sink;
$SIG{CHLD} = sub { print "CHLD in $$\n" if $$ != $main::pid };
$SIG{TERM} = sub { print "TERM\n" };
$SIG{__DIE__} = sub { print "DIE\n" };
our $pid = $$;
sub Guard::DESTROY { print "guard\n" }
our $guard = bless [], 'Guard';
print "buffered\n";
my $sink = Mail::Wire::Sink->new;
print "$1\n" if $sink->url =~ /\A(lmtp:)/;
END { print "END\n"; $? = 3 if !$? }
exit 3;
SCRIPT
    close $out or die "$script: $!\n";
    my @perl = ($^X, map { "-I$_" } @INC);
    open my $pipe, '-|', @perl, $script or die "perl: $!\n";
    my $said = do { local $/; <$pipe> };
    close $pipe;
    is($said, "buffered\nlmtp:\nEND\nguard\n", 'output, END and destructors run once');
    is($? >> 8, 3, 'exit status');
}

# A path is a place: where we were when it was given, in octets, and another's when it was taken over.
{
    my $was = POSIX::getcwd();
    chdir $dir or die "$dir: $!\n";
    my $wide = "sink \xc3\xa9";
    utf8::upgrade($wide);
    my %sink = map { $_ => Mail::Wire::Sink->new(path => $_) } 'relative', $wide;
    chdir $was or die "$was: $!\n";
    for my $name ('relative', "sink \xc3\xa9") {
        ok(-S "$dir/$name", 'a path that is relative');
        my $sink = $sink{$name};
        like(converse($sink, "QUIT\r\n"), qr/^221 /m, '... is served');
        $sink->stop;
        ok(!-e "$dir/$name", '... and removed from wherever we are');
    }

    my $first = Mail::Wire::Sink->new(path => "$dir/shared");
    unlink "$dir/shared" or die $!;
    my $second = Mail::Wire::Sink->new(path => "$dir/shared");
    $first->stop;
    like(converse($second, "QUIT\r\n"), qr/^221 /m, "a path that is another sink's by now stays");
}

# A port that a sink has used can be used again: its own ends of links came first, and wait.
{
    my $sink = Mail::Wire::Sink->new(close_at => { stage => 'greeting', after => 1 });
    like(converse($sink, ''), qr/\A220 /, 'a link that the sink ends');
    my $port = $sink->port;
    $sink->stop;
    is(eval { Mail::Wire::Sink->new(port => $port)->port }, $port, '... and its port, once more') or diag $@;
}

# TERM ends a sink although its parent catches TERM.
{
    local $SIG{TERM} = sub { };
    local $SIG{CHLD} = 'IGNORE';
    my $sink = Mail::Wire::Sink->new;
    my $pid  = $sink->pid;
    kill TERM => $pid;
    ok(is_gone($pid), 'handlers are not inherited');
    $sink->stop;
}

# An answer that a signal's handler interrupted is not lost.
{
    my $sink = Mail::Wire::Sink->new;
    converse($sink, $MESSAGE) for 1 .. 3;
    kill STOP => $sink->pid;
    my $fine = eval {
        local $SIG{ALRM} = sub { die "alarm\n" };
        POSIX::alarm(1);
        $sink->messages;
        1;
    };
    my $why = $@;
    kill CONT => $sink->pid;
    alarm 5 * $WAIT;
    is($why, "alarm\n", 'messages interrupted');
    is(scalar(my @kept = $sink->messages), 3, 'all there the next time');
}

done_testing;
