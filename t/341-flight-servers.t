# Servers that don't do as an RFC says, or as most do: nobody has a success that was not said to him, nothing of a message is run as
# commands, and the other messages go on as ever.

use strict;
use warnings;

use Test::More;

use lib 't/lib';
use FlightTest;

# For a reply that does not come, in seconds.
use constant SHORT => 0.1;

my @group  = ('PIPELINING', '8BITMIME');
my @stream = (@group, 'CHUNKING');
my $server = FlightServer->new;
my %kind   = (pipelining => \@group, streams => \@stream);

sub short {
    my ($results, @names) = @_;
    return join '; ', map {
        my $name = $_;
        join ' ', "$name:", map { $_->code . ($_->maybe_delivered ? '?' : '') } @{ $results->{$name} }
    } @names;
}

# ---- a LHLO in mid-session does not end a transaction

for my $kind (sort keys %kind) {
    for my $how (qw(deliver submit mixed)) {
        my ($results, $truth) = fly($server, "LHLO leaves a transaction open ($kind, $how)",
            server   => { keywords => $kind{$kind}, keeps_open => 1 },
            how      => $how,
            exact    => 1,
            messages => [
                message('m1-nodata', 'a@x'), message('m2', 'a@x'), message('m3-nodata', 'a@x', 'no@x'), message('m4', 'a@x', 'no@x'),
                message('m5', 'no@x'), message('m6', 'a@x'), message('m7-nomail', 'a@x'), message('m8', 'a@x', 'b@x'),
                message('m9', 'no@x'), message('m10-nodata', 'a@x'), message('m11', 'a@x'),
                message('m12', 'bad@x'), message('m13', 'a@x'), message('m14', 'full@x', 'bad@x'), message('m15', 'a@x'), message('m16', 'bad@x'), message('m17', 'a@x'),
            ],
        );
        ok !(grep {/\Anested/} keys %{ $truth->{given} }), '... and no MAIL comes inside one';
    }
}

# ---- a chunk that is refused is not eaten

my $smuggled = "Subject: x\n\nMAIL FROM:<evil\@x>\nRCPT TO:<a\@x>\nDATA\nSubject: evil\n\n.\nQUIT\n";
for my $reply ('502 5.5.1 not now', '503 5.5.1 nobody', '250 2.0.0 fine', '') {
    for my $how (qw(deliver submit mixed)) {
        my @messages = (message('m1', 'no@x'), message('m2', 'a@x'), message('m3', 'no@x'), message('m4', 'a@x', 'no@x'), message('m5', 'a@x'), message('m6', 'no@x'));
        $_->{data} = $smuggled for @messages;
        my ($results, $truth) = fly($server, "a refused chunk is run, after '$reply' ($how)",
            server => { keywords => \@stream, runs_refused => $reply }, how => $how, exact => 1, messages => \@messages);
        ok !$truth->{messages}{evil}, '... no message comes out of a message';
        ok !(grep {/evil|Subject/} @{ $truth->{lines} }), '... and no command';
        is scalar(grep {/\ABDAT/} @{ $truth->{lines} }), 1, '... chunks are not sent ahead';
    }
}
{
    my ($results, $truth) = fly($server, 'the probe', server => { keywords => \@stream }, exact => 1, messages => [ message('m1', 'a@x'), message('m2', 'a@x') ]);
    is_deeply [ @{ $truth->{lines} }[ 1 .. 4 ] ], [ 'MAIL FROM:<m1@x>', 'RCPT TO:<a@x>', 'DATA', 'LHLO client.example' ], '... goes behind the first fence';
    is_deeply [ @{ $truth->{lines} }[ 5 .. 8 ] ], [ 'MAIL FROM:<>', 'BDAT 21 LAST', 'RSET', 'LHLO client.example' ], '... its chunk is the LHLO line';
}

# ---- a second LHLO that is answered in a way of its own

my %odd = (
    '450'        => ['450 4.7.0 not now'],
    '502'        => ['502 5.5.1 not again'],
    '503'        => ['503 5.5.1 duplicate LHLO'],
    'a bare 250' => ['250 OK'],
    'a bare 250 with a code' => ['250 2.0.0 Ok'],
    'another name' => [ '250-other.example', '250-PIPELINING', '250-8BITMIME', '250 CHUNKING' ],
    'other keywords' => [ '250-server.example', '250 HELP' ],
);
for my $kind (sort keys %kind) {
    for my $odd (sort keys %odd) {
        for my $how (qw(deliver submit)) {
            for my $silent ($kind eq 'streams' ? (0, 1) : 0) {
                my ($results, $truth) = fly($server, "a second LHLO is answered by $odd ($kind, $how" . ($silent ? ', silent)' : ')'),
                    server   => { keywords => $kind{$kind}, silent_none => $silent, lies => { map { ("lhlo $_" => { instead => $odd{$odd} }) } 2 .. 9 } },
                    client   => { Timeout => 20 },
                    short    => { quiet => 0.05 },
                    how      => $how,
                    exact    => 1,
                    messages => [ message('m1', 'a@x'), message('m2', 'a@x', 'no@x'), message('m3', 'a@x') ],
                );
                is scalar(grep {/\ALHLO/} @{ $truth->{lines} }), 2, '... and there is no third one';
            }
        }
    }
}

# ---- a second LHLO that ends the link

# What is left is sent again on further links, until all is delivered: name => how often the server had it whole; and how many links that took.
sub insist {
    my ($how, $kind, $ending, $messages) = @_;
    my @left = @$messages;
    my %ended;
    my $links = 0;
    while (@left and ++$links <= @$messages) {
        my ($results, $truth) = fly($server, "a second LHLO ends the link, " . join(' ', %$ending) . " ($kind, $how, link $links)",
            server => { keywords => $kind{$kind}, lies => { 'lhlo 2' => $ending } }, how => $how, messages => \@left,
            client => { Timeout => 20 }, short => { rset => SHORT });
        $ended{$_}++ for grep { $truth->{messages}{$_}{ended} } keys %{ $truth->{messages} };
        @left = grep { my $name = $_->{name}; grep { !$_->is_success } @{ $results->{$name} } } @left;
    }
    return (\%ended, $links, @left);
}

my @endings = ({ instead => [], then => 'close' }, { instead => [], then => 'finish' }, map { { instead => ['421 4.7.0 once'], then => $_ } } qw(close finish hang));
for my $kind (sort keys %kind) {
    for my $how (qw(deliver submit mixed)) {
        for my $ending (@endings) {
            for my $count (1, 3) {
                my ($ended, $links, @left) = insist($how, $kind, $ending, [ map { message("m$_", 'a@x', $_ == 2 ? 'b@x' : ()) } 1 .. $count ]);
                is_deeply $ended, { map { ("m$_" => 1) } 1 .. $count }, "... all $count arrive, once";
                ok !@left && $links == $count, '... and each link brings one there';
            }
        }
    }
}

# ---- keywords that come and go

for my $kind (sort keys %kind) {
    my ($results, $truth) = fly($server, "AUTH and STARTTLS are gone, parameters have changed ($kind)",
        server   => { keywords => [ @{ $kind{$kind} }, 'STARTTLS', 'AUTH PLAIN', 'AUTH=PLAIN', 'SIZE 1000000' ], later => [ @{ $kind{$kind} }, 'SIZE 2000' ] },
        how      => 'submit',
        exact    => 1,
        messages => [ map { message("m$_", 'a@x') } 1 .. 4 ],
    );
    cmp_ok scalar(grep {/\ALHLO/} @{ $truth->{lines} }), '>', 1, '... the fence is one';
    like join('|', @{ $truth->{lines} }), qr/LHLO[^|]*\|.*LHLO[^|]*\|(?!RSET)/, '... and no doubt about it' if $kind eq 'pipelining';
}

# ---- replies that can't be what they are counted as

my @lies = (
    # name, keywords, messages, lies, results
    [ 'a refusal in the place of RSET\'s reply, and the other way round', \@stream, [ map { message("m$_", $_ == 3 ? 'bad@x' : 'a@x') } 1 .. 5 ],
        { 'final m3 0' => { instead => [], gives => 554 }, 'rset 3' => { before => ['250 2.0.0 reset'], instead => ['554 5.6.0 m3 r0 bad'] } },
        'm1: 250; m2: 250; m3: 421?; m4: 421?; m5: 421?' ],
    [ '250 too many behind a refusal, late', \@group, [ message('m1', 'bad@x', 'bad@x') ],
        { 'final m1 0' => { after => ['250 stray'] }, 'final m1 1' => {}, 'lhlo 2' => { wait => 0.05, before => ['250 stray'] } }, 'm1: 421? 421?', short => { quiet => 60 } ],
    [ 'a part of a line before the end of the message', \@group, [ message('m1', 'bad@x') ],
        { 'data m1' => { part => '250 str' } }, 'm1: 421?' ],
    [ 'a part of a line while the message is on its way', \@group, [ { %{ message('m1', 'bad@x') }, data => "0123456789abcde\n" x 1_000_000 } ],
        { 'body m1' => { part => '250 str' } }, 'm1: 421?' ],
    [ 'two replies to DATA', \@group, [ message('m1', 'a@x') ], { 'data m1' => { after => ['550 over'] } }, 'm1: 421' ],
    [ 'two replies to DATA, streams', \@stream, [ message('m1', 'a@x') ], { 'data m1' => { after => ['550 over'] } }, 'm1: 421' ],
    [ 'two replies to DATA, one at a time', ['8BITMIME'], [ message('m1', 'a@x', 'b@x'), message('m2', 'a@x') ],
        { 'data m1' => { after => ['550 over'] } }, 'm1: 421 421; m2: 421' ],
    [ 'a part of a line before the commands', \@group, [ message('m1', 'bad@x') ],
        { 'lhlo 1' => { part => '250 str' } }, 'm1: 421' ],
    [ 'a part of a reply before the end of the message', \@group, [ message('m1', 'bad@x') ],
        { 'data m1' => { part => "250-str\r\n" }, 'final m1 0' => { instead => ['250 no'] } }, 'm1: 421' ],
    [ 'a part of a reply while commands go one at a time', ['8BITMIME'], [ message('m1', 'bad@x') ],
        { 'mail m1' => { part => "250-str\r\n" }, 'data m1' => { instead => [] } }, 'm1: 421' ],
    [ 'MAIL is not answered, and the wait runs out', \@group, [ message('m1', 'a@x', 'no@x', 'b@x') ],
        { 'mail m1' => { instead => [] } }, 'm1: 421 421 421', waits => 1, short => { data => SHORT } ],
    [ 'the second RCPT is not answered, and the wait runs out', \@group, [ message('m1', 'a@x', 'b@x', 'no@x') ],
        { 'rcpt m1 1' => { instead => [] }, 'data m1' => { instead => [] } }, 'm1: 421 421 421', waits => 1, short => { rcpt => SHORT } ],

    # A reply too many inside the envelope moves all that follow by one place. When the next anchor shows it, nobody keeps a refusal that
    # was another's.
    [ 'a refusal at RCPT moves on to the next recipient', \@group, [ message('m1', 'no@x', 'a@x') ],
        { 'mail m1' => { before => ['250 2.0.0 over'] } }, 'm1: 421 421' ],
    [ 'a refusal that nobody asked for is in the place of MAIL', \@group, [ message('m1', 'a@x', 'b@x') ],
        { 'mail m1' => { before => ['550 5.0.0 over'] } }, 'm1: 421 421' ],
    [ 'it is in the place of RCPT', \@group, [ message('m1', 'a@x') ],
        { 'rcpt m1 0' => { before => ['550 5.0.0 over'] } }, 'm1: 421' ],
    [ 'the server has the message', \@stream, [ message('m1', 'a@x'), message('m2', 'a@x') ],
        { 'mail m2' => { before => ['550 5.0.0 over'] } }, 'm1: 250; m2: 421?' ],
    [ 'what has no place shows it, whatever was in front of it', \@group, [ message('m1', 'no@x', 'a@x') ],
        { 'data m1' => { instead => ['250 what?'] } }, 'm1: 421 421' ],
    [ 'what is in front of an anchor stands', \@group, [ message('m1', 'no@x', 'a@x') ],
        { 'final m1 1' => { instead => ['354 what?'] } }, 'm1: 550 421?' ],
);
for my $case (@lies) {
    my ($name, $keywords, $messages, $lies, $expected, %trait) = @$case;
    for my $how (qw(deliver submit)) {
        next if $how eq 'deliver' and @$messages > 1;
        my ($results) = fly($server, "$name ($how)", server => { keywords => $keywords, lies => $lies }, messages => $messages, how => $how,
            client => { Timeout => 20 }, %trait);
        is short($results, map { $_->{name} } @$messages), $expected, '... results';
    }
}

# ---- joined replies and a farewell at once

for my $ending (undef, 'close', 'finish') {
    my ($results) = fly($server, 'a joined reply, and 421' . ($ending ? ", $ending" : ''),
        server   => { keywords => \@group, lies => { 'final m1 0' => { instead => [ '250-one', '550 two', '421 bye' ], gives => 250, $ending ? (then => $ending) : () }, 'final m1 1' => { instead => [] } } },
        client   => { JoinedReplies => 1, Timeout => 20 },
        unseen   => 1,
        messages => [ message('m1', 'a@x', 'b@x') ],
    );
    is short($results, 'm1'), 'm1: 250 550', '... what was answered stands';
}
done_testing;
