# Files that Net::LMTP delivers: by BDAT from where they are, where that can be; else read when their turn has come.

use strict;
use warnings;

use Test::More;

use lib 't/lib';
use DeliveryTest;
use Mail::Wire::Sink;
use Mail::Wire;
use Memory;
use Net::LMTP;
use ScriptedServer;

my $folder = folder();

my $line = 'x' x 70;
my $crlf = "Subject: lines\r\n\r\n" . "$line\r\n" x 4000;
(my $lf = $crlf) =~ s/\r//g;

for my $case (
    # name, what is in it, what arrives, by which command
    [ 'lines that end in CRLF',       $crlf,               $crlf,               'BDAT' ],
    [ 'lines that end in LF',         $lf,                 $crlf,               'DATA' ],
    [ 'a last line without its end',  "${crlf}end",        "${crlf}end\r\n",    'DATA' ],
    [ 'one bare LF at the end of it', "${crlf}end\n",      "${crlf}end\r\n",    'DATA' ],
    [ 'dots',                         $crlf . ".\r\n..x\r\n", $crlf . ".\r\n..x\r\n", 'BDAT' ],
    [ 'a small file',                 "a\nb",              "a\r\nb\r\n",        'BDAT' ],
    [ 'nothing',                      '',                  '',                  'BDAT' ],
) {
    my ($name, $text, $there, $verb) = @$case;
    my $path = written(content => $text);
    for my $way ('File', 'a handle') {
        for my $to (['a@x'], [ 'a@x', 'b@x' ]) {
            my $sink = Mail::Wire::Sink->new;
            my $lmtp = Mail::Wire->connect($sink->url) or die $@;
            $lmtp->deliver(From => 's@x', To => ['a@x'], Data => "before\n");
            open my $fh, '<:raw', $path or die $!;
            my @results = $lmtp->deliver(From => 's@x', To => $to, $way eq 'File' ? (File => $path) : (Data => $fh));
            is(codes(@results), join(' ', (250) x @$to), "$name, as $way, to " . @$to);
            is(codes($lmtp->deliver(From => 's@x', To => ['a@x'], Data => "behind\n")), '250', '... and the link is in step');
            $lmtp->quit;
            my $body = ($sink->messages)[1]->{data};
            ok($body eq $there, '... arrives whole') or diag length $body, ' octets, not ', length $there;
            my ($used) = grep {/^(?:DATA|BDAT)/} ($sink->commands)[ _after($sink, 2) .. _after($sink, 3) ];
            is(substr($used, 0, 4), $verb, "... by $verb") if $verb eq 'DATA' or @$to == 1 or length $text > 65536;
        }
    }
}

# Where the n-th MAIL with a sender is among the commands.
sub _after {
    my ($sink, $n) = @_;
    my @commands = $sink->commands;
    my @at = grep { $commands[$_] =~ /^MAIL FROM:<s/ } 0 .. $#commands;
    return $at[ $n - 1 ];
}

# From where the handle stands.
{
    my $sink = Mail::Wire::Sink->new;
    my $lmtp = Mail::Wire->connect($sink->url) or die $@;
    open my $fh, '<', written(rest => $crlf) or die $!;
    readline $fh;
    is(codes($lmtp->deliver(From => 's@x', To => ['a@x'], Data => $fh)), '250', 'the rest of a file');
    ok(($sink->messages)[0]->{data} eq substr($crlf, length "Subject: lines\r\n"), '... from where it stood');
    ok(eof $fh, '... and the handle is at its end');
}

# Without CHUNKING.
{
    my $sink = Mail::Wire::Sink->new(chunking => 0);
    my $lmtp = Mail::Wire->connect($sink->url) or die $@;
    is(codes($lmtp->deliver(From => 's@x', To => ['a@x'], File => written(plain => $crlf))), '250', 'without CHUNKING');
    ok(($sink->messages)[0]->{data} eq $crlf, '... whole');
}

# A file that changes while it waits: nobody has a part of it.
for my $change (
    [ shorter => sub { truncate $_[0], 100_000 } ],
    [ other => sub { open my $fh, '+<', $_[0] or die $!; seek $fh, -100, 2; print {$fh} "\n.\n" } ],
    [ longer => sub { open my $fh, '>>', $_[0] or die $!; print {$fh} "more\r\n" } ],
) {
    my ($name, $code) = @$change;
    my $sink = Mail::Wire::Sink->new;
    my $lmtp = Mail::Wire->connect($sink->url) or die $@;
    my $path = written(changing => $crlf);
    utime 1, 1, $path or die $!;    # so that the change shows, however coarse the clock is
    my $changed;
    my @results = $lmtp->deliver(From => 's@x', To => ['a@x'], File => $path, Progress => sub { $code->($path) if !$changed++ });
    if ($changed && $results[0]->is_success) {
        is(scalar(grep { $_->{data} ne $crlf } $sink->messages), 0, "$name, when all of it had been sent");
    }
    else {
        is($results[0]->status, 'deferral', "a file that becomes $name");
        is(scalar($sink->messages), 0, '... is not delivered');
    }
}

# A refusal in the middle of it: of BDAT LAST, or, to several recipients, of the chunk in front of that.
for my $case ([ '552 final 0', ['a@x'] ], [ '552 body 0', [ 'a@x', 'b@x' ] ]) {
    my ($stage, $to) = @$case;
    my @hello = (expect => qr/^LHLO/, reply => [ '250-hi', '250-PIPELINING', '250 CHUNKING' ]);
    my @mail  = (expect => qr/^MAIL/, reply => '250 ok');
    my @first = (@mail, expect => qr/^RCPT/, reply => '250 ok', expect => 'DATA', reply => '354 go', data => undef, reply => '250 ok', @hello);
    my $server = ScriptedServer->new(rcvbuf => 4096, script => [
        reply => '220 hi', @hello, @first, @mail, (expect => qr/^RCPT/, reply => '250 ok') x @$to, expect => qr/^BDAT/, reply => '552 5.3.4 too big', finish => undef,
    ]);
    my $lmtp = Net::LMTP->new($server->args, Hello => 'client.example') or die $@;
    $lmtp->deliver(From => 's@x', To => ['a@x'], Data => "the link's first message goes by DATA\n");
    my @results = $lmtp->deliver(From => 's@x', To => $to, File => written(refused => "0123456789abcd\r\n" x 500_000));
    for my $result (@results) {
        is(join(' ', $result->code, $result->stage, $result->maybe_delivered), $stage, 'a refusal in the middle of BDAT is kept, ' . $result->recipient);
    }
}

# A reply too many to RCPT, which comes when the next command has been sent, on a server without PIPELINING: nothing may follow the message
# that would show it, so DATA's own reply must.
{
    my $server = ScriptedServer->new(script => sub {
        my ($peer) = @_;
        $peer->reply('220 hi');
        $peer->expect(qr/^LHLO/);
        $peer->reply('250-hi', '250 CHUNKING');
        for (qr/^MAIL/, qr/^RCPT/) {
            $peer->expect($_);
            $peer->reply('250 ok');
        }
        $peer->bytes($1) if $peer->expect(qr/^(?:BDAT|DATA)/) =~ /^BDAT ([0-9]+)/;
        $peer->reply('250 ok');
    });
    my $lmtp = Net::LMTP->new($server->args, Hello => 'client.example') or die $@;
    my @results = $lmtp->deliver(From => 's@x', To => ['a@x'], File => written(late => "0123456789abcd\r\n" x 5_000));
    is(join(' ', map { $_->status, $_->maybe_delivered } @results), 'deferral 0', 'a reply too many is no success of a file');
}

# Memory.
{
    open my $fh, '>:raw', "$folder/huge" or die $!;
    my $block = "$line\r\n" x 10_000;
    print {$fh} $block or die $! for 1 .. 140;
    close $fh or die $!;
    my $sink = Mail::Wire::Sink->new(discard => 1);
    my $lmtp = Mail::Wire->connect($sink->url) or die $@;
    $lmtp->deliver(From => 's@x', To => ['a@x'], Data => 'warm');
    my $before = Memory::resident('VmHWM');
    is(codes($lmtp->deliver(From => 's@x', To => ['a@x'], File => "$folder/huge")), '250', 'a file of 100 MB');
  SKIP: {
        skip 'memory cannot be measured here', 1 if !defined $before;
        cmp_ok(Memory::resident('VmHWM') - $before, '<', 8 * 1024, '... in flat memory');
    }
}

# A server that goes while a file is sent from where it is.
{
    my ($pipes, $good) = (0, 0);
    local $SIG{PIPE} = sub { $pipes++ };
    my $path = written(going => "0123456789abcd\r\n" x 500_000);
    my $server = ScriptedServer->new(script => sub {
        my ($peer) = @_;
        $peer->reply('220 hi');
        $peer->expect(qr/^LHLO/);
        $peer->reply('250-me', '250-PIPELINING', '250 CHUNKING');
        $peer->expect(qr/^MAIL/);
        $peer->expect(qr/^RCPT/);
        $peer->reply('250 ok', '250 ok');
        sysread $peer->{peer}, my $block, 65536 for 0 .. rand 60;
        close $peer->{peer};
        $peer->{eof} = 1;
    });
    for (1 .. 60) {
        my $lmtp = Net::LMTP->new($server->args, Hello => 'client.example') or die $@;
        $good += grep { $_->is_success } $lmtp->deliver(From => 's@x', To => ['a@x'], File => $path);
    }
    is($good, 0, 'a server that goes while a file is sent has accepted nothing');
    is($pipes, 0, '... and nobody hears a SIGPIPE');
}

done_testing;
