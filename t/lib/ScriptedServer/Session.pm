package ScriptedServer::Session;

# An LMTP session by a table, for tests that are not about the exact dialogue. Each answer is one
# reply, or a list of them used in turn whose last one stays:
#
#   ScriptedServer::session(
#       greeting => '220 server.example LMTP', name => 'server.example', keywords => [ 'PIPELINING' ],
#       MAIL => '250 ok', RCPT => [ '250 ok', '550 no' ], DATA => '354 go', final => [ '250 a', '450 b' ],
#       ... and any other verb (default '250 ok'; QUIT '221 bye', closes)
#   )
#
# The final dot and BDAT LAST get as many replies as recipients were accepted, at least one; `final` is the
# list for one message, or a list of lists, one per message.

use strict;
use warnings;

sub new {
    my ($class, $peer, %answer) = @_;
    my $keywords = $answer{keywords} || [];
    my @lhlo = ($answer{name} || 'server.example', @$keywords);
    my $last = pop @lhlo;
    return bless {
        peer   => $peer,
        used   => {},
        rcpts  => 0,
        answer => {
            greeting => '220 server.example LMTP ready',
            LHLO     => join("\r\n", (map { "250-$_" } @lhlo), "250 $last"),
            DATA     => '354 go on',
            QUIT     => '221 bye',
            final    => ['250 delivered'],
            %answer,
        },
    }, $class;
}

sub _answer {
    my ($self, $what) = @_;
    my $answer = exists $self->{answer}{$what} ? $self->{answer}{$what} : '250 ok';
    return $answer if ref $answer ne 'ARRAY';
    my $n = $self->{used}{$what}++;
    return $answer->[ $n < @$answer ? $n : -1 ];
}

sub run {
    my ($self) = @_;
    my $peer = $self->{peer};
    $peer->reply($self->_answer('greeting'));
    while (defined(my $line = $peer->line)) {
        my ($verb) = $line =~ /^([A-Za-z]+)/;
        $verb = defined $verb ? uc $verb : '';
        if ($verb eq 'BDAT') { $self->_bdat($line); next }
        my $reply = $self->_answer($verb);
        $peer->reply($reply);
        $self->{rcpts} = 0 if $verb =~ /^(?:LHLO|MAIL|RSET)$/;
        $self->{rcpts}++ if $verb eq 'RCPT' && $reply =~ /^2/;
        if ($verb eq 'DATA' && $reply =~ /^3/) {
            $peer->data;
            $self->_final;
        }
        return $peer->close if $verb eq 'QUIT';
    }
    return;
}

sub _bdat {
    my ($self, $line) = @_;
    my ($size, $last) = $line =~ /^BDAT (\d+)( LAST)?$/i or return $self->{peer}->reply('501 what?');
    $self->{peer}->bytes($size);
    return $last ? $self->_final : $self->{peer}->reply($self->_answer('BDAT'));
}

sub _final {
    my ($self) = @_;
    my $final = $self->{answer}{final};
    if (ref $final->[0]) {
        my $n = $self->{used}{final}++;
        $final = $final->[ $n < @$final ? $n : -1 ];
    }
    my $owed = $self->{rcpts} || 1;
    $self->{peer}->reply(map { $final->[ $_ < @$final ? $_ : -1 ] } 0 .. $owed - 1);
    $self->{rcpts} = 0;
    return;
}

1;
