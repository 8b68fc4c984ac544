# Servers that take so many recipients a transaction: by LIMITS RCPTMAX (RFC 9422), or by what they say to one RCPT too many.

use strict;
use warnings;

use File::Temp ();
use Test::More;

use lib 't/lib';
use FlightServer;
use FlightTest;

my $server = FlightServer->new;

my %keywords = (
    'one at a time' => ['8BITMIME'],
    pipelining      => [ 'PIPELINING', '8BITMIME' ],
    streams         => [ 'PIPELINING', '8BITMIME', 'CHUNKING' ],
);

sub many { return map {"r$_\@x"} 1 .. $_[0] }

# How often each message was begun, and how many RCPTs there were.
sub counted {
    my ($truth) = @_;
    my %mails;
    $mails{$_}++ for map {/\AMAIL FROM:<(\w+)/} @{ $truth->{lines} };
    return (join(' ', map {"$_ $mails{$_}"} sort keys %mails), scalar grep {/\ARCPT/} @{ $truth->{lines} });
}

# Each recipient has the server's own word, wherever it stands.
for my $kind (sort keys %keywords) {
    for my $case (
        # what is offered or said, the limit, transactions, RCPTs of ( 5, 1, 3 recipients )
        [ 'RCPTMAX',            [ limits => 'LIMITS MAILMAX=100 RCPTMAX=2' ],  2, 'm1 3 m2 1 m3 2', 9 ],
        [ 'rcptmax',            [ limits => 'LIMITS rcptmax=2' ],              2, 'm1 3 m2 1 m3 2', 9 ],
        [ '452 4.5.3',          [],                                            2, 'm1 3 m2 1 m3 2', 12 ],
        [ '552 of old',         [ too_many => '552 too many recipients' ],     2, 'm1 3 m2 1 m3 2', 12 ],
        [ 'RCPTMAX too large',  [ limits => 'LIMITS RCPTMAX=4' ],              2, 'm1 3 m2 1 m3 2', 11 ],
        [ 'one each',           [ limits => 'LIMITS RCPTMAX=1' ],              1, 'm1 5 m2 1 m3 3', 9 ],
    ) {
        my ($name, $how, $max, $mails, $rcpts) = @$case;
        my %option = @$how;
        my $limits = delete $option{limits};
        my @messages = (message('m1', many(5)), message('m2', 'a@x'), message('m3', many(3)));
        my ($results, $truth) = fly($server, "$kind, $name: deliver",
            server => { keywords => [ @{ $keywords{$kind} }, $limits || () ], rcpt_max => $max, %option }, exact => 1, messages => \@messages);
        is_deeply([ counted($truth) ], [ $mails, $rcpts ], '... so many transactions');
        is(scalar(grep { !$_->is_success } map {@$_} values %$results), 0, '... everybody has it');
        for my $more ('submit', 'mixed') {
            ($results, $truth) = fly($server, "$kind, $name: $more",
                server => { keywords => [ @{ $keywords{$kind} }, $limits || () ], rcpt_max => $max, %option }, exact => 1, how => $more,
                messages => [ @messages, map { message("s$_", many($_ % 4 + 1)) } 1 .. 12 ]);
            is(scalar(grep { !$_->is_success } map {@$_} values %$results), 0, '... everybody has it');
        }
        fly($server, "$kind, $name: refusals of all kinds", server => { keywords => [ @{ $keywords{$kind} }, $limits || () ], rcpt_max => $max, %option },
            exact => 1, how => 'submit', messages => [
                message('m1', 'no@x', 'a@x', 'full@x', 'no@y', 'b@x', 'bad@x', 'later@x'), message('m2-nomail', many(3)), message('m3-nodata', many(3)),
                message('m4', 'no@x', 'no@y', 'no@z'), message('m5', many(4)),
            ]);
    }
}

# Several messages wait for another transaction while a probe goes in front of one of them.
for my $kind (sort keys %keywords) {
    for my $recipients (3, 5, 7) {
        my ($results) = fly($server, "$kind: each of three messages in several transactions, to $recipients",
            server => { keywords => [ @{ $keywords{$kind} }, 'LIMITS RCPTMAX=2' ], rcpt_max => 2 }, exact => 1, how => 'submit',
            messages => [ map { message("m$_", many($recipients)) } 1 .. 3 ]);
        is(scalar(grep { $_->is_success } map {@$_} values %$results), 3 * $recipients, '... everybody has it');
    }
}

# What is no limit: the server's word stands.
for my $case (
    [ 'a full mailbox, though there were others',  '452 4.2.2 mailbox full' ],
    [ 'no room, of old, with its status',          '552 5.2.2 mailbox full' ],
    [ 'another refusal',                           '550 5.5.3 too many' ],
    [ 'a deferral',                                '450 4.5.3 not now' ],
) {
    my ($name, $reply) = @$case;
    my ($results) = fly($server, $name, server => { keywords => $keywords{pipelining}, rcpt_max => 1, too_many => $reply }, exact => 1,
        messages => [ message('m1', 'a@x', 'b@x') ]);
    is($results->{m1}[1]->code, substr($reply, 0, 3), '... is the result');
}

# Nobody was accepted: there is nobody to follow.
{
    my ($results, $truth) = flight($server, messages => [ message('m1', 'a@x', 'b@x') ], exact => 1, server => {
        keywords => ['PIPELINING'], rcpt_max => 9, lies => { map { ("rcpt m1 $_" => { instead => ['452 4.5.3 none'], gives => 452 }) } 0, 1 } });
    is_deeply([ map { $_->code } @{ $results->{m1} } ], [ 452, 452 ], '452 4.5.3 to the first of all is the result');
    is_deeply([ counted($truth) ], [ 'm1 1', 2 ], '... and it is not tried again');
}

# Content: a file goes again, pieces do not.
{
    my $file = File::Temp->new;
    binmode $file;
    my $line = 'x' x 70 . "\n";
    print {$file} $line x 2000;
    close $file;
    my $text = $line x 2000;
    for my $kind (sort keys %keywords) {
        fly($server, "$kind: a file of " . length($text) . ' octets', server => { keywords => [ @{ $keywords{$kind} }, 'LIMITS RCPTMAX=2' ], rcpt_max => 2 },
            exact => 1, messages => [ { name => 'm1', to => [ many(5) ], text => $text, options => { File => "$file" } } ]);
        fly($server, "$kind: as many octets in memory", server => { keywords => $keywords{$kind}, rcpt_max => 2 }, exact => 1,
            messages => [ { name => 'm1', to => [ many(5) ], data => $text } ]);
    }
    my @pieces = ($line) x 6000;
    my ($results) = fly($server, 'pieces', server => { keywords => [ 'PIPELINING', 'LIMITS RCPTMAX=2' ], rcpt_max => 2 }, exact => 1,
        messages => [ { name => 'm1', to => [ many(3) ], text => join('', @pieces), data => sub { shift @pieces } } ]);
    is_deeply([ map { $_->code } @{ $results->{m1} } ], [ 250, 250, 452 ], '... cannot go again: the last is deferred');
}

# The link ends between two transactions: what was said stands, and the others are deferrals.
for my $kind (sort keys %keywords) {
    for my $point ('rcpt m1 2', 'rcpt m1 3', 'final m1 2') {
        my ($results) = flight($server, how => 'submit', messages => [ message('m1', many(4)), message('m2', 'a@x') ],
            server => { keywords => [ @{ $keywords{$kind} }, 'LIMITS RCPTMAX=2' ], rcpt_max => 2, lies => { $point => { instead => [], then => 'close' } } });
        is_deeply([ map { $_->code } @{ $results->{m1} } ], [ 250, 250, 421, 421 ], "$kind: the link ends in place of $point: what was said stands");
        is($results->{m1}[2]->maybe_delivered, $point =~ /final/ ? 1 : 0, '... the others may be delivered, or not');
    }
}

# The link ends within a transaction: the server has not heard of those who are left for the next one.
for my $kind (sort keys %keywords) {
    my ($results) = flight($server, how => 'submit', messages => [ message('m1', many(5)) ],
        server => { keywords => [ @{ $keywords{$kind} }, 'LIMITS RCPTMAX=2' ], rcpt_max => 2, lies => { 'final m1 2' => { instead => [], then => 'close' } } });
    is_deeply([ map { join ' ', $_->code, $_->stage, $_->maybe_delivered } @{ $results->{m1} } ],
        [ ('250 final 0') x 2, ('421 final 1') x 2, '421 connect 0' ], "$kind: surely not delivered is who was never named");
}

# So many messages a connection.
for my $kind (sort keys %keywords) {
    for my $how ('deliver', 'submit') {
        my ($results, $truth) = fly($server, "$kind, $how: MAILMAX", how => $how, server => { keywords => [ @{ $keywords{$kind} }, 'LIMITS MAILMAX=3' ] },
            messages => [ map { message("m$_", 'a@x') } 1 .. 5 ]);
        is_deeply([ map { $_->[0]->code . ' ' . $_->[0]->stage } @{$results}{qw(m1 m2 m3 m4 m5)} ],
            [ ('250 final') x 3, ('421 connect') x 2 ], '... what is over it is not sent');
        like($results->{m4}[0]->message, qr/no more messages on this connection \(LIMITS MAILMAX\)/, '... and says so');
    }
    my ($results) = flight($server, server => { keywords => [ @{ $keywords{$kind} }, 'LIMITS RCPTMAX=1 MAILMAX=3' ], rcpt_max => 1 },
        messages => [ message('m1', many(4)), message('m2', 'a@x') ]);
    is_deeply([ map { $_->code } map {@$_} @{$results}{qw(m1 m2)} ], [ 250, 250, 250, 421, 421 ], "$kind: also where one message needs more");
}

done_testing;
