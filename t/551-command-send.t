# mailwire send, with a sink behind it.

use strict;
use warnings;

use lib 't/lib';
use CommandTest;
use Errno qw(ENOENT);
use File::Temp ();
use Gate;
use Mail::Wire::Sink ();
use Test::More;

my $folder = File::Temp->newdir;
my %rules = (
    rcpt  => { 'nobody@*' => '550 5.1.1 No such user', 'later@*' => '451 4.3.0 Later' },
    final => { 'full@*' => '552 5.2.2 Full' },
);
my $sink = Mail::Wire::Sink->new(%rules, dsn => 1, size => 50_000_000);
my $url  = $sink->url;
my @ann  = (qw(--from ann@example.org));
my $ben  = 'ben@example.org';
# In the system's own words.
my $missing = do { local $! = ENOENT; "$!" };
my $mail = "Subject: Hello\n\n.Hello\n";
my $file = write_file("$folder/mail.eml", $mail);

# Runs it, and has what has come since.
sub sent {
    my ($how, @arguments) = @_;
    $sink->clear;
    my ($code, $out, $err) = mailwire($how, 'send', $url, @arguments);
    my @messages = $sink->messages;
    $_->{data} =~ s/\r\n/\n/g for @messages;
    return { code => $code, out => $out, err => $err, messages => \@messages, message => $messages[0] };
}

sub to { return join ' ', map { $_->{address} } @{ $_[0]{recipients} } }

# ---------------------------------------------------------------- input and output

{
    my $run = sent({ stdin => $mail }, @ann, '--to', $ben);
    is($run->{code}, 0, 'standard input: exit code 0') or diag($run->{err});
    is($run->{out}, "<$ben>: success (final) 250 2.0.0 Delivered\n", '... a line for the recipient');
    is($run->{message}{data}, $mail, '... the message has come');
    is($run->{message}{from}, 'ann@example.org', '... from whom it was to come');

    $run = sent({ stdin_file => $file }, @ann, '--to', $ben, '-');
    is($run->{message}{data}, $mail, 'a file on standard input');
    is(sent({ stdin => "From x\@y Mon Jan  1 00:00:00 2020\n$mail" }, @ann, '--to', $ben)->{message}{data}, $mail, 'a From line in front is left out');
    is(sent({ stdin => "Hello\n" }, @ann, '--to', $ben)->{message}{data}, "Hello\n", 'no header');
    is(sent({ stdin => '' }, @ann, '--to', $ben)->{message}{data}, '', 'nothing at all');
    is(sent({ stdin => $mail }, '-f', '', '--to', $ben)->{message}{from}, '', 'the null sender');

    my $large = $mail . "0123456789abcde\n" x 200_000;
    ok(sent({ stdin => $large }, @ann, '--to', $ben)->{message}{data} eq $large, 'three megabytes by a pipe');
    my $copied = sent({ stdin => "To: $ben\nBcc: z\@example.org\n$large" }, @ann, '-t')->{message};
    ok($copied->{data} eq "To: $ben\n$large", 'three megabytes, less a Bcc');
}

{
    my $run = sent({}, @ann, '--to', $ben, '--to', 'nobody@example.org', $file);
    is($run->{code}, 67, 'one of two is not known: exit code 67');
    is($run->{out}, "$file: <$ben>: success (final) 250 2.0.0 Delivered\n$file: <nobody\@example.org>: failure (rcpt) 550 5.1.1 No such user\n",
        '... a line each, with the file');
    is(sent({}, @ann, '--to', 'later@example.org', $file)->{code}, 75, 'a deferral: 75');
    is(sent({}, @ann, '--to', 'full@example.org', '--to', 'later@example.org', $file)->{code}, 73, 'a failure is worse');
    is(sent({}, @ann, '-q', '--to', $ben, $file)->{out}, '', '-q: nothing about a success');
    like(sent({}, @ann, '-q', '--to', 'later@example.org', $file)->{out}, qr/deferral/, '... but about others');
}

{
    my $run = sent({}, @ann, '--to', $ben, $file, "$folder/none", $folder, $file);
    is($run->{code}, 66, 'files that cannot be read: 66');
    is(sent({}, @ann, '-t', "$folder/none", $file)->{code}, 66, '... which is worse than one without recipients');
    is(scalar @{ $run->{messages} }, 2, '... the others are sent');
    like($run->{err}, qr{^\Q$folder\E/none: not sent: \Q$missing\E$}m, '... one is missing');
    like($run->{err}, qr{^\Q$folder\E: not sent: is a folder}m, '... one is a folder');
    like($run->{out}, qr/^2 messages, 2 not sent: success 2, deferral 0, failure 0$/m, '... the sum');
}

SKIP: {
    skip 'no JSON::PP', 3 if !eval { require JSON::PP; 1 };
    my $run = sent({}, @ann, '--json', '--to', $ben, '--to', "\xfcml\@example.org", $file, "$folder/none");
    my @objects = map { JSON::PP::decode_json($_) } split /\n/, $run->{out};
    @objects = ((grep { $_->{recipient} } @objects), grep { !$_->{recipient} } @objects);
    is_deeply([ map { $_->{recipient} || $_->{error} } @objects ], [ $ben, "\xfcml\@example.org", $missing ], '--json: an object a line');
    is_deeply([ map { $_->{file} } @objects ], [ $file, $file, "$folder/none" ], '... with the file');
    is_deeply([ @{ $objects[1] }{qw(status stage code)} ], [ 'failure', 'rcpt', 553 ], '... and what became of it');
}

SKIP: {
    skip 'no /dev/full', 5 if !-c '/dev/full';
    my $run = sent({ stdout => '/dev/full' }, @ann, '--to', $ben, $file);
    is($run->{code}, 74, 'standard output is full: 74');
    is(scalar @{ $run->{messages} }, 1, '... but it is sent');
    $run = sent({ stdout => '/dev/full' }, @ann, '--to', $ben, ($file) x 300);
    is($run->{code}, 74, '... also of many') or diag($run->{err});
    unlike($run->{err}, qr/HASH/, '... which is said in words');
    cmp_ok(scalar @{ $run->{messages} }, '<', 300, '... and nothing more is sent');
}

# ---------------------------------------------------------------- the envelope from the header

# name, header, recipients or what is wrong.
my @headers = (
    [ 'one address', "To: ben\@x\n", 'ben@x' ],
    [ 'To, Cc and Bcc', "To: a\@x\nCc: b\@x\nBcc: c\@x\n", 'a@x b@x c@x' ],
    [ 'each once', "To: a\@x, A <a\@x>\n", 'a@x' ],
    [ 'folded', "To: a\@x,\n\tb\@x\r\n , c\@x\n", 'a@x b@x c@x' ],
    [ 'names with commas, comments', qq(To: "Ex, A" <a\@x> (cc, (me)), (x) b\@x\n), 'a@x b@x' ],
    [ 'quotes and brackets', qq(To: "a,\\"b>"\@x, <"c>d"\@x>, e\@[127.0.0.1]\n), '"a,\"b>"@x "c>d"@x e@[127.0.0.1]' ],
    [ 'groups', "To: us: a\@x, b\@x;, nobody:;, c\@x\n", 'a@x b@x c@x' ],
    [ 'a route', "To: <\@r1,\@r2:a\@x>\n", 'a@x' ],
    [ 'white space around dots', "To: a . b \@ x\n", 'a.b@x' ],
    [ 'whom it was sent on to', "Resent-To: r\@x\nResent-Cc: s\@x\nResent-To: old\@x\nTo: a\@x\n", 'r@x s@x' ],
    [ 'a name without brackets', "To: Ann ann\@x\n", qr/'Ann ann\@x' is no address/ ],
    [ 'a bracket without its end', "To: a\@x, <b\@x\n", qr/no list of addresses: '<b\@x'/ ],
    [ 'an address for a name', "To: a\@x <b\@x> (b), c\@x\n", 'b@x c@x' ],
    [ 'two brackets without a comma', "To: <a\@x> <b\@x>\n", qr/no list of addresses: '<b\@x>'/ ],
    [ 'an address behind a bracket', "To: <a\@x> b\@x\n", qr/no list of addresses: 'b\@x'/ ],
    [ 'a group behind a bracket', "To: <a\@x>: b\@x;\n", qr/no list of addresses: ': b\@x;'/ ],
    [ 'nobody', "Subject: x\n", qr/no recipient in its header/ ],
    [ 'not in the text', "Subject: x\n\nTo: a\@x\n", qr/no recipient in its header/ ],
);
for my $case (@headers) {
    my ($name, $header, $expected) = @$case;
    my $run = sent({ stdin => "$header\nHello\n" }, @ann, '-t');
    if (ref $expected) {
        is_deeply([ $run->{code}, $run->{messages} ], [ 65, [] ], "-t: $name: nothing is sent, 65");
        like($run->{err}, $expected, '... and why');
    }
    else { is(to($run->{message}), $expected, "-t: $name") or diag($run->{err}) }
}

{
    my $text = "Received: x\nBcc: c\@x\nTo: a\@x\nBCC : d\@x,\n  e\@x\nSubject: Bcc\n\nBcc: f\@x\n";
    my $run = sent({ stdin => $text }, @ann, '-t', '--to', 'g@x');
    is($run->{message}{data}, "Received: x\nTo: a\@x\nSubject: Bcc\n\nBcc: f\@x\n", '-t takes Bcc out');
    is(to($run->{message}), 'g@x c@x a@x d@x e@x', '... and has --to as well');
    is(sent({ stdin => "From: Ann <ann\@x>, b\@x\n\n" }, '--read-envelope-from', '--to', $ben)->{message}{from}, 'ann@x', '--read-envelope-from');
    is(sent({ stdin => "\n" }, '--read-envelope-from', '--to', $ben)->{code}, 65, '... without a From: 65');
}

# ---------------------------------------------------------------- parameters

{
    my $run = sent({}, @ann, '--to', $ben, '--notify', 'SUCCESS,DELAY', qw(--orcpt b@x --ret hdrs --envid a=b), $file);
    is_deeply($run->{message}{from_params}{ENVID}, 'a+3Db', 'ENVID');
    is($run->{message}{from_params}{RET}, 'HDRS', 'RET');
    is_deeply($run->{message}{recipients}[0]{params}, { NOTIFY => 'SUCCESS,DELAY', ORCPT => 'rfc822;b@x' }, 'NOTIFY and ORCPT');
    $run = sent({}, @ann, '--to', $ben, qw(--notify SOMETIMES), $file);
    is_deeply([ $run->{code}, $run->{messages} ], [ 64, [] ], 'a value that means nothing: 64');
    like($run->{err}, qr/\Amailwire send: .*SOMETIMES[^\n]*\n\z/, '... is named in a line, without one of ours') and unlike($run->{err}, qr/ line \d/);
    $run = sent({}, @ann, '--to', $ben, qw(--size 60000000), $file);
    is($run->{code}, 65, 'more than the server takes');
    $run = sent({}, @ann, '--to', $ben, qw(--hold-for 60), $file);
    like($run->{err}, qr/\Amailwire send: warning: .*not supported by host$/, 'what is not offered is warned of');
}

my @usage = (
    [ 'no recipient', [@ann], qr/no recipient: give --to/ ],
    [ 'no sender', [ '--to', $ben ], qr/no sender: give --from/ ],
    [ 'two senders', [ @ann, '--to', $ben, '--read-envelope-from' ], qr/one of them/ ],
    [ 'standard input twice', [ @ann, '--to', $ben, '-', '-' ], qr/can be read once/ ],
    [ 'no number', [ @ann, '--to', $ben, '--timeout', 'soon', $file ], qr/Timeout must be a number of seconds/ ],
    [ 'STARTTLS, how?', [ @ann, '--to', $ben, '--starttls=maybe', $file ], qr/StartTLS must be/ ],
    [ 'two passwords', [ @ann, '--to', $ben, qw(--user a --password-fd 3 --password-env B), $file ], qr/one of them/ ],
    [ 'a user without a password', [ @ann, '--to', $ben, qw(--user a), $file ], qr/needs a Password/ ],
);
for my $case (@usage) {
    my ($name, $arguments, $says) = @$case;
    my $run = sent({}, @$arguments);
    is_deeply([ $run->{code}, $run->{messages} ], [ 64, [] ], "$name: 64");
    like($run->{err}, $says, '... and why');
}

# ---------------------------------------------------------------- the link

{
    my ($code, $out, $err) = mailwire({}, 'send', 'lmtp:///nowhere/lmtp', @ann, '--to', $ben, $file);
    is($code, 69, 'no such socket: 69');
    is($err, "mailwire send: lmtp:///nowhere/lmtp: connect to /nowhere/lmtp: $missing\n", '... and why');
    is((mailwire({}, 'send', 'lmtp://host.invalid:24', @ann, '--to', $ben, $file))[0], 68, 'no such host: 68');
    my $qmtp = Mail::Wire::Sink->new(protocol => 'qmtp');
    is((mailwire({}, 'send', $qmtp->url, @ann, '--to', $ben, $file))[0], 0, 'QMTP');
    is(($qmtp->messages)[0]{data}, $mail, '... the message has come');
    is((mailwire({}, 'send', $qmtp->url, @ann, '--to', $ben, '--starttls', $file))[0], 64, '... STARTTLS: 64');
}

{
    my $greets = Mail::Wire::Sink->new(greeting => '421 4.3.2 Too many');
    is((mailwire({}, 'send', $greets->url, @ann, '--to', $ben, $file))[0], 75, 'a server that is busy: 75');
    $greets = Mail::Wire::Sink->new(greeting => '554 5.3.2 No');
    is((mailwire({}, 'send', $greets->url, @ann, '--to', $ben, $file))[0], 76, 'one that serves nobody: 76');
    my $closes = Mail::Wire::Sink->new(close_at => { stage => 'final' });
    my ($code, $out) = mailwire({}, 'send', $closes->url, @ann, '--to', $ben, $file);
    is($code, 75, 'one that closes at the end: 75');
    like($out, qr/\(may have been delivered\)$/, '... says that it may have been delivered');
}

{
    my $run = sent({}, @ann, '--to', 'nobody@example.org', '--trace', $file);
    like($run->{err}, qr/\A=== Trying \Q$url\E\.\.\.\n<-  220 .*^ -> MAIL FROM:<ann\@example\.org>.*^<\*\* 550 5\.1\.1 No such user$/ms, '--trace');
}

# What is known of AUTH is tested with the classes; here: where the password comes from.
{
    my $knows = Mail::Wire::Sink->new(lhlo => [ 'localhost', 'AUTH PLAIN' ], verbs => { AUTH => '235 2.7.0 Yes' });
    my @as_me = (@ann, '--to', $ben, qw(--user me), $file);
    my %from = (
        '--password-fd' => [ { fd => { 7 => "open sesame\nmore" } }, '--password-fd', 7 ],
        '--password-file' => [ {}, '--password-file', write_file("$folder/password", "open sesame\r\n") ],
        '--password-env' => [ { env => { MINE => 'open sesame' } }, '--password-env', 'MINE' ],
        'MAILWIRE_PASSWORD' => [ { env => { MAILWIRE_PASSWORD => 'open sesame' } } ],
    );
    for my $name (sort keys %from) {
        my ($how, @options) = @{ $from{$name} };
        $knows->clear;
        my ($code, $out, $err) = mailwire($how, 'send', $knows->url, @options, '--trace', @as_me);
        is($code, 0, "$name: exit code 0") or diag($err);
        ok((grep { $_ eq 'AUTH PLAIN AG1lAG9wZW4gc2VzYW1l' } $knows->commands), '... it is that password');
        unlike($err, qr/sesame|AG1l/, '... which is not shown');
    }
    my $refuses = Mail::Wire::Sink->new(lhlo => [ 'localhost', 'AUTH PLAIN' ], verbs => { AUTH => '535 5.7.8 No' });
    is((mailwire({ env => { MAILWIRE_PASSWORD => 'x' } }, 'send', $refuses->url, @as_me))[0], 77, 'a wrong password: 77');
}

# ---------------------------------------------------------------- signals

{
    my $gate = Gate->new;
    my $holds = Mail::Wire::Sink->new(final => $gate->rule);
    my $pid = start({}, 'send', $holds->url, @ann, '--to', $ben, $file);
    ok($gate->await, 'a message is on its way');
    kill 'TERM', $pid;
    $gate->open;
    my ($code, $out, $err) = finish($pid);
    like($out, qr/^\Q$file\E: <\Q$ben\E>: success/, 'SIGTERM: what is on its way is waited for');
    is($code, 0, '... and it ends by itself');
}
{
    my $silent = Mail::Wire::Sink->new(delay => { greeting => 50 });
    my $pid = start({}, 'send', $silent->url, @ann, '--to', $ben, '--trace', $file);
    wait_for(sub { errors($pid) =~ /^=== Trying/ });
    kill 'INT', $pid;
    my ($code, $out, $err) = finish($pid);
    is($code, 75, 'SIGINT while it connects ends it: 75');
    like($err, qr/^mailwire send: stopped by SIGINT\n\z/m, '... and says so');
}
{
    my $gate = Gate->new;
    my $holds = Mail::Wire::Sink->new(final => $gate->rule);
    my $pid = start({}, 'send', $holds->url, @ann, '--to', $ben, $file);
    ok($gate->await, 'a message is on its way');
    my $code;
    wait_for(sub { kill 'TERM', $pid; defined($code = (finish_if_ended($pid))[0]) });
    is($code, -15, 'a second SIGTERM ends it at once');
    $gate->open;
}
{
    my $leaves = leaving_server();
    my $pid = start({}, 'send', 'lmtp://' . $leaves->path, @ann, '--to', $ben, ($file) x 300);
    ok(wait_for(sub { output($pid) =~ /deferral \(connect\)/ }), 'a server has gone');
    kill 'TERM', $pid;
    my ($code, $out, $err) = finish($pid);
    is($code, 69, 'SIGTERM while it is waited for: its code');
    my @deferred = $out =~ /^\Q$file\E: <\Q$ben\E>: deferral \(connect\)/mg;
    my @unsent = $err =~ /^\Q$file\E: not sent: stopped by SIGTERM$/mg;
    is(@deferred + @unsent, 300, '... each message is told of') or diag($out, $err);
    like($out, qr/421 stopped by SIGTERM$/m, '... what waited does not wait any more');
}

done_testing;
