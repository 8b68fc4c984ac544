# Servers as they are: what DBMail, Kopano, gromox, Zimbra, Stalwart, go-smtp and Dovecot 2.4 say that others don't.

use strict;
use warnings;

use Test::More;

use lib 't/lib';
use FlightServer;
use FlightTest;
use LMTPTest qw(connect_to session shown wire warnings_of);
use ScriptedServer;

my $server = FlightServer->new;

sub codes_of {
    my ($results) = @_;
    return join ' ', map {
        my $name = $_;
        map { $_->code . ($_->maybe_delivered ? '?' : '') } @{ $results->{$name} }
    } sort keys %$results;
}

sub said { return { instead => [ $_[1] ], gives => $_[0] } }

for my $how ('deliver', 'submit') {
    # --- DBMail: codes of its own; and when it cannot store, one line, whoever it is for

    my @dbmail = (keywords => [ 'PIPELINING', 'ENHANCEDSTATUSCODES', 'SIZE 1000000' ]);
    my ($results) = fly($server, "DBMail, $how: codes of no RFC",
        how    => $how,
        server => { @dbmail, lies => {
            'final m1 0' => said(215, '215 Recipient <a@x> OK'), 'final m1 1' => said(511, '511 Recipient <b@x> FAIL'),
            'final m1 2' => said(522, '522 Recipient <c@x> FAIL over quota'),
        } },
        messages => [ message('m1', 'a@x', 'b@x', 'c@x'), message('m2', 'a@x') ]);
    is(codes_of($results), '215 511 522 250', '... go by their first digit');
    ok($results->{m1}[0]->is_success && $results->{m1}[1]->is_failure && $results->{m1}[2]->is_failure, '... success, failure, failure');
    ($results) = fly($server, "DBMail, $how: one line for three recipients",
        how    => $how,
        server => { @dbmail, lies => {
            'final m1 0' => said(430, '430 message not stored'), map { ("final m1 $_" => { instead => [] }) } 1, 2,
        } },
        messages => [ message('m1', 'a@x', 'b@x', 'c@x') ]);
    is(codes_of($results), '421? 421? 421?', '... nobody knows whose it is: LHLO shows at once that two are missing');

    # --- Kopano: a keyword misspelt, RSET for one, and a name that says nothing

    ($results) = fly($server, "Kopano, $how", how => $how, exact => 1,
        server   => { name => 'SERVER', greeting => '220 2.1.5 LMTP server is ready', keywords => [qw(PIPELINING ENHANCEDSTATUSCODE RSET)] },
        messages => [ message('m1', 'a@x', 'no@x', 'full@x'), message('m2', 'a@x'), message('m3', 'a@x', 'b@x') ]);
    is(codes_of($results), '250 550 452 250 250 250', '... as any other');

    # --- Zimbra: SIZE is bare; STARTTLS shows once

    ($results) = fly($server, "Zimbra, $how", how => $how, exact => 1,
        server   => { keywords => [qw(8BITMIME ENHANCEDSTATUSCODES SIZE PIPELINING STARTTLS)], later => [qw(8BITMIME ENHANCEDSTATUSCODES SIZE PIPELINING)] },
        messages => [ message('m1', 'a@x'), message('m2', 'a@x', 'b@x'), message('m3', 'a@x') ]);
    is(codes_of($results), '250 250 250 250', '... a keyword that goes is no other server');

    # --- Stalwart: all that there is

    my @all = ('BINARYMIME', 'CHUNKING', 'PIPELINING', 'SMTPUTF8', 'REQUIRETLS', 'DSN', 'DELIVERBY 3600', 'MT-PRIORITY MIXER',
        'FUTURERELEASE 604800 2030-12-24T18:00:00Z', 'NO-SOLICITING', 'ENHANCEDSTATUSCODES', 'SIZE 104857600', '8BITMIME');
    my %options = (DeliverBy => '86400;N', MTPriority => 3, HoldFor => 60, Return => 'HDRS', Envelope => 'id');
    my @messages = map { { %{ message("m$_", [ 'a@x', { Notify => 'FAILURE' } ], 'b@x') }, options => {%options} } } 1 .. 3;
    ($results, my $truth) = fly($server, "Stalwart, $how", how => $how, exact => 1, server => { keywords => \@all }, messages => \@messages);
    is(codes_of($results), '250 250 250 250 250 250', '... takes it');
    like((grep {/^MAIL FROM:<m3/} @{ $truth->{lines} })[0], qr/ RET=HDRS ENVID=id BY=86400;N MT-PRIORITY=3 HOLDFOR=60 SIZE=\d+\z/, '... with all that was asked for');

    # --- go-smtp: a chunk without a recipient is refused, and not eaten

    ($results) = fly($server, "go-smtp, $how", how => $how,
        server   => { keywords => [ qw(PIPELINING 8BITMIME ENHANCEDSTATUSCODES CHUNKING SIZE), 'LIMITS RCPTMAX=50' ], runs_refused => '502 5.5.1 Missing RCPT TO command.' },
        messages => [ map { message("m$_", $_ % 3 ? 'a@x' : 'no@x') } 1 .. 9 ]);
    is(codes_of($results), join(' ', map { $_ % 3 ? 250 : 550 } 1 .. 9), '... no content is run as a command');
}

# --- gromox: replies end in a bare LF

{
    my @lf = map {"$_\n"} '220 gromox LMTP', "250-gromox\n250-PIPELINING\n250 8BITMIME", '250 ok', '354 go', '221 bye';
    my ($lmtp, $peer) = session(greeting => $lf[0], LHLO => $lf[1], (map { $_ => $lf[2] } qw(MAIL RCPT RSET)), DATA => $lf[3], QUIT => $lf[4],
        final => [ "250 one\n", "550 two\n" ]);
    is(scalar $lmtp->supports('8BITMIME'), '', 'gromox: keywords');
    for (1 .. 3) {
        is_deeply([ shown($lmtp->deliver(From => 'a@x', To => [ 'b@x', 'c@x' ], Data => "x\n")) ], [ 'b@x success 250 final', 'c@x failure 550 final' ],
            '... results');
    }
    ok($lmtp->mail('a@x') && $lmtp->to('b@x') && $lmtp->data("x\n"), '... sync calls');
    is($lmtp->message, "one\n", '... the words without the line end that they have');
    ok($lmtp->quit, '... quit');
}

# --- Dovecot 2.4: SIZE, and attributes of XCLIENT that are its own

{
    my $offer = 'XCLIENT ADDR PORT PROTO HELO LOGIN SESSION CLIENT-TRANSPORT TTL TIMEOUT DESTNAME DESTADDR DESTPORT';
    my ($lmtp, $peer) = session(keywords => [ qw(8BITMIME CHUNKING ENHANCEDSTATUSCODES PIPELINING), 'SIZE 41943040', $offer ], XCLIENT => '220 2.0.0 server.example');
    my @warnings = warnings_of {
        ok($lmtp->xclient(DESTNAME => 'mx.example', DESTADDR => '192.0.2.2', DESTPORT => 24, 'CLIENT-TRANSPORT' => 'TLS'), 'Dovecot 2.4: XCLIENT');
    };
    is_deeply(\@warnings, [], '... has these attributes');
    is_deeply([ shown($lmtp->deliver(From => 'a@x', To => ['b@x'], Data => "x\n")) ], ['b@x success 250 final'], '... and mail goes');
    is(wire($peer), "XCLIENT CLIENT-TRANSPORT=TLS DESTADDR=192.0.2.2 DESTNAME=mx.example DESTPORT=24\r\nLHLO client.example\r\n"
        . "MAIL FROM:<a\@x> SIZE=3\r\nRCPT TO:<b\@x>\r\nDATA\r\nx\r\n.\r\nLHLO client.example\r\n", '... on the wire');
}

# --- one message a connection: the second LHLO ends it. What must go by BDAT, as BINARYMIME, is delivered as what goes by DATA is

sub one_message {
    my ($peer, $ends, @finals) = @_;
    my $greeted = 0;
    $peer->reply('220 one.example');
    while (1) {
        my $line = $peer->expect(undef);
        return $peer->close if not defined $line or $greeted && $line =~ /^LHLO/ && $ends eq 'closes';
        if ($greeted && $line =~ /^LHLO/) {
            $peer->reply($ends eq 'renames' ? ('250-another', '250 PIPELINING') : '421 one message');
            return $peer->close;
        }
        if ($line =~ /^LHLO/) { $peer->reply(map({"250-$_"} qw(one.example PIPELINING CHUNKING 8BITMIME)), '250 BINARYMIME'); $greeted = 1 }
        elsif ($line =~ /^BDAT (\d+)( LAST)?$/) {
            $peer->bytes($1) if $1;
            $peer->reply($2 ? @finals : '250 chunk');
        }
        elsif ($line eq 'DATA') { $peer->reply('354 go'); $peer->data; $peer->reply(@finals) }
        else                    { $peer->reply('250 ok') }
    }
    return;
}

for my $ends ('closes', 'says 421') {
    for my $bits ('binary', 8) {
        for my $finals (['250 a'], ['550 a'], [ '250 a', '250 b' ], [ '250 a', '452 b' ]) {
            my @to = map { (split)[1] . '@x' } @$finals;
            my $one = ScriptedServer->new(script => sub { one_message($_[0], $ends, @$finals) });
            my $lmtp = connect_to($one, Timeout => 60);
            my @got = $lmtp->deliver(From => 's@x', To => \@to, Data => "x\n", Bits => $bits);
            is(join(' ', map { $_->code . ($_->maybe_delivered ? '?' : '') } @got), join(' ', map { (split)[0] } @$finals),
                "a server that $ends at a second LHLO, Bits => $bits: @$finals are the results");
        }
    }
}

# But nothing is believed that may be another command's reply: one that is missing, or too many.
for my $case (['closes'], ['renames'], [ 'closes', '250 stray', '550 a' ]) {
    my ($ends, @finals) = @$case;
    my $one = ScriptedServer->new(script => sub { one_message($_[0], $ends, @finals) });
    my $lmtp = connect_to($one, Timeout => 60);
    my ($got) = $lmtp->deliver(From => 's@x', To => ['a@x'], Data => "x\n", Bits => 'binary');
    ok($got->is_deferral && $got->maybe_delivered, "... a server that $ends, " . (@finals ? "@finals" : 'no reply') . ': a deferral') or diag($got);
}

done_testing;
