# The command mailwire as it should not be used: arguments of every kind that cannot be, and descriptors that are closed. It says what is wrong
# in a line, in words and not in perl's, and by its exit code, and nothing is sent, or written where it does not belong.

use strict;
use warnings;

use lib 't/lib';
use CommandTest;
use File::Temp ();
use Mail::Wire::Sink ();
use Test::More;

# With white space in its name, and what is no UTF-8, where the system can do that.
my $top = File::Temp->newdir;
my $odd = "\xe9";
mkdir "$top/a b$_" and $odd = $_ and last for $odd, 'c';
my $folder = "$top/a b$odd";

my $sink = Mail::Wire::Sink->new;
my $qmtp = Mail::Wire::Sink->new(protocol => 'qmtp');
my ($url, $q) = ($sink->url, $qmtp->url);
my $mail = write_file("$folder/a mail $odd.eml", "Subject: Hello\n\nHello.\n");
my $box = write_file("$folder/a box.mbox", "From a\@x Thu Jan  1 00:00:00 2026\nSubject: Hello\n\nHello.\n\n");
my $maildir = "$folder/md";
mkdir $_ or die "$_: $!" for $maildir, map {"$maildir/$_"} qw(new cur tmp);

# ---------------------------------------------------------------- arguments

my @send = ('send', $url, qw(--from a@x --to b@x), $mail);
my @import = ('import', $url, qw(-q --to b@x), $box);
my @usage = (
    map({ [ @send, '--timeout', $_ ] } '-1', '', 'nan', 'soon', '1e400'),
    [ @send, qw(--stage-timeout nonsense=3) ], [ @send, qw(--stage-timeout final) ], [ @send, qw(--deadline -1) ], [ @send, qw(--deadline x) ],
    [ @send, qw(--param X) ], [ @send, qw(--param =3) ], [ @send, '--param', 'A=b c' ], [ @send, qw(--password-fd x --user a) ], [ @send, qw(--user a --token) ],
    map({ [ 'send', $_, @send[ 2 .. $#send ] ] } '', 'x', 'lmtp://', 'lmtp://[::1', 'lmtp://h:99999', 'lmtp://a@h:1', 'http://x', "$url/x", "lmtp://\xff:24"),
    [ 'send', $url, qw(--from a@x --to), '', $mail ], [ 'send', $q, qw(--from a@x --to b@x --user a --password-env PATH), $mail ],
    ['deliver'], [ 'deliver', $url ], [ 'deliver', '-d', 'a@x' ], [ 'deliver', '-d', '', $url ], [ 'deliver', qw(-d a@x -a c@x -d b@x), $url ],
    ['drain'], [ 'drain', $url ], [ 'drain', $url, '' ], [ 'drain', $url, $maildir, $maildir ], [ 'drain', $url, qw(--bounce-after -1), $maildir ],
    map({ [ @import, '--links', $_ ] } 'x', 0, -4, 256, '99999999999999999999'),
    map({ [ @import, '--window', $_ ] } 'x', 0, -1, 100_001, '99999999999999999999'),
    map({ [ @import, '--rate', $_ ] } 'x', 0, -1, 'nan', 'inf', '1e400'),
    map({ [ @import, '--retry', $_ ] } 'x', -1), map({ [ @import, '--max-per-link', $_ ] } 'x', 0, -1),
    [ @import, '--in-doubt', '' ], [ @import, '--format', '' ], [ @import, '--to-header', 'To' ],
    [ 'import', $url, qw(--to a@x) ], [ 'import', $url, qw(--to a@x), '' ], [ 'import', $url, '--to', '', $box ], [ 'import', $url, qw(--to a@x - -) ],
    [ @import, '--map', "$folder/none" ], [ @import, '--map', $folder ], [ @import, '--map', write_file("$folder/bad.pl", "sub {\n(") ],
    [ @import, '--map', write_file("$folder/one.pl", '1') ], [ @import, '--map', write_file("$folder/short.map", "a\@x\n") ],
    ['check'], [ 'check', $url, 'x' ], [ 'check', $url, '--rcpt', '' ], [ 'check', $url, qw(--warn-days -1) ], [ 'check', $q, qw(--rcpt a@x) ],
    map({ [ 'plan', $url, qw(--to a@x), $box, @$_ ] } [], [qw(--queue x)], [qw(--queue sqlite:)], [qw(--range 0)], [qw(--range x)]),
    ['worker'], map({ [ 'worker', @$_ ] } ['x'], [qw(--queue x)], [qw(--queue sqlite:)], [qw(--jobs 0)], [qw(--jobs 1001)], [qw(--links 256)], [qw(--retry -1)], [qw(--rate 0)],
        [qw(--window 100001)], [qw(--missing-after x)], [qw(--in-doubt x)]),
    ['status'], [qw(status x)], [qw(status --queue x)],
    [qw(sink x)], [qw(sink --lmtp x)], [qw(sink --keep x)], [qw(help x)], ["\xff"], [ 'send', "--\xff" ], [ 'send', '--=x' ], [''],
);
my @others = (
    [ 66, 'send', $url, qw(--from a@x --to b@x), '' ], [ 66, 'send', $url, qw(--from a@x --to b@x), $folder ], [ 66, @send[ 0 .. 5 ], "$folder/none" ],
    [ 66, @send, qw(--user a --password-fd 99) ], [ 66, @send, qw(--user a --password-file), "$folder/none" ], [ 66, @send, qw(--user a --password-file), $folder ],
    [ 66, @send, qw(--user a --password-env MAILWIRE_NONE) ], [ 69, 'send', 'lmtp:///' . 'x' x 300, @send[ 2 .. $#send ] ],
    [ 75, 'deliver', qw(-d a@x -p), "$folder/none", $url ], [ 66, 'drain', $url, "$folder/none" ], [ 66, 'drain', $url, $mail ], [ 66, 'import', $url, qw(--to a@x), "$folder/none" ],
    [ 73, @import, '--journal', $folder ], [ 73, @import, '--journal', '' ], [ 73, @import, '--journal', '/dev/null' ], [ 73, @import, '--journal', "$folder/none/j" ],
    [ 73, @import, '--save-refused', $mail ], [ 73, @import, '--save-refused', '' ], [ 73, @import, '--save-refused', "$folder/none/x" ],
    [ 74, @import, '--map', write_file("$folder/dies.pl", "sub { my %h; die \"no\\nmap\\n\" }") ], [ 74, @import, '--map', write_file("$folder/undef.pl", 'sub { undef }') ],
    [ 69, qw(sink --lmtp 127.0.0.1:65536) ],
);
SKIP: {
    skip 'no IO::Socket::SSL', 1 if !eval { require IO::Socket::SSL };
    push @usage, [ @send, '--starttls', '--tls-ca', "$folder/none" ];
}
SKIP: {
    skip 'no Mojolicious', 1 if !eval { require Mojolicious };
    push @others, map { [ 69, qw(sink --web), $_ ] } 'x', '127.0.0.1:65536', '99999';
}

for my $case (map({ [ 64, @$_ ] } @usage), @others) {
    my ($expected, @arguments) = @$case;
    my ($code, $out, $err) = mailwire({ env => { MAILWIRE_QUEUE => '' } }, @arguments);
    (my $name = join ' ', map { length > 30 ? '...' . substr $_, -20 : length($_) ? $_ : "''" } @arguments) =~ s/[^ -~]/?/g;
    my @wrong;
    push @wrong, "exit code $code" if $code != $expected;
    push @wrong, 'not one line' if $err !~ /\A(?:4\.3\.[05] )?mailwire[^\n]*: [^\n]+\n\z/;
    push @wrong, "perl's words" if $err =~ /\.pm\b|uninitialized|isn't numeric|(?:HASH|ARRAY|CODE)\(|panic/ or $err =~ / line [0-9]+/ and $err !~ /\.(?:pl|map)\b/;
    is_deeply(\@wrong, [], "$name: $expected") or diag($err);
}
is(scalar(my @came = ($sink->messages, $qmtp->messages)), 0, 'nothing was sent by any of these');

{
    my ($code, $out, $err) = mailwire({}, @import, '--window', 100_000);
    is_deeply([ $code, $err ], [ 0, '' ], 'the largest window');
    ($code, $out, $err) = mailwire({}, @send[ 0 .. 3 ], map({ ('--to' => "u$_\@x") } 1 .. 2000), $mail);
    is_deeply([ $code, $err, scalar(() = $out =~ /: success /g) ], [ 0, '', 2000 ], 'two thousand recipients');
    like($out, qr/\A\Q$mail\E: /, 'a name with white space, and what is no UTF-8, as it is');
}

# ---------------------------------------------------------------- descriptors that are closed

for my $case (
    [ 'no input', [0], ['-'], 66, '', qr/\Amailwire send: standard input: [^\n]+\n\z/, 0 ],
    [ 'no output', [1], [$mail], 74, '', qr/\Amailwire send: standard output: [^\n]+\n\z/, 1 ],
    [ 'no errors', [2], [$mail], 0, qr/success/, '', 1 ],
    [ 'no errors, and one', [2], ["$folder/none"], 66, '', '', 0 ],
    [ 'nothing at all', [ 0, 1, 2 ], [$mail], 74, '', '', 1 ],
) {
    my ($name, $closed, $files, $expected, $says, $warns, $times) = @$case;
    $sink->clear;
    my ($code, $out, $err) = mailwire({ closed => $closed }, @send[ 0 .. 5 ], @$files);
    is($code, $expected, "$name: exit code $expected") or diag($err);
    like($out, $says || qr/\A\z/, '... what is said');
    like($err, $warns || qr/\A\z/, '... and what of errors');
    is(scalar(my @messages = $sink->messages), $times, '... what is sent');
}
for my $closed ([1], [ 0, 1 ], [2], [ 0, 1, 2 ]) {
    my $text = "Return-Path: <a\@x>\nDelivered-To: later\@x\nSubject: Hello\n\nHello.\n";
    my $defers = Mail::Wire::Sink->new(final => '451 later');
    write_file("$maildir/new/1", $text);
    my $journal = "$folder/journal";
    mailwire({ closed => $closed }, 'drain', $defers->url, $maildir);
    is(read_file("$maildir/new/1"), $text, "without @$closed: nothing is written into a message of a Maildir");
    my $refuses = Mail::Wire::Sink->new(final => '550 no');
    mailwire({ closed => $closed }, 'import', $refuses->url, qw(--to b@x --journal), $journal, '--save-refused', "$folder/refused", $box);
    is(join('', grep { !/\A(?:#[0-9]+ [0-9a-f]{8}|[JFSR]\t)/ } map {"$_\n"} split /\n/, read_file($journal)), '', '... nor into a journal');
    unlike(read_file("$folder/refused/refused.txt"), qr/^(?![0-9]+\.eml )/m, '... nor into the list of what was refused');
    is_deeply([ map { read_file($_) } grep { m{/[0-9]+\.eml\z} } files_of("$folder/refused") ], ["Subject: Hello\n\nHello.\n"], '... nor into what was');
    unlink $journal, files_of("$folder/refused");
}

sub files_of {
    my ($path) = @_;
    opendir my $in, $path or die "$path: $!";
    return map {"$path/$_"} grep { !/\A\.\.?\z/ } readdir $in;
}

done_testing;
