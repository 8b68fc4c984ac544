package Sweep::Forgery;

# Whether the judge would notice: an honest session of which the peer's log or the client's results are changed afterwards.
#
#   for my $case (Sweep::Forgery::all($mode, $told, @sessions)) { my ($name, @complaints) = @$case; ... }
#
# Each must have complaints, save the first, which is unchanged.

use strict;
use warnings;

use Mail::Wire::Result;
use Storable qw(dclone);
use Sweep::Judge;
use Sweep::Truth;

my %our_code = (lmtp => 421, qmtp => 450);

my @forgeries = (
    [ 'nothing changed' => sub { } ],
    [ 'a success that was said to nobody' => sub { my ($told, $session) = @_; forget($session, 'final m1 0') } ],
    [ 'a refusal taken for a success'     => sub { my ($told, $session) = @_; reply($session, 'final m1 0')->[1] = 554 } ],
    [ 'a reply that was not written to its end' => sub {
        my ($told, $session) = @_;
        $session->{put} = reply($session, 'final m1 0')->[3] - 1;
    } ],
    [ 'a message that the server does not have' => sub { my ($told, $session) = @_; delete $session->{messages}{m1} } ],
    [ 'a message that did not end'      => sub { my ($told, $session) = @_; delete $session->{messages}{m1}{ended} } ],
    [ 'a message with other content'    => sub { my ($told, $session) = @_; $session->{messages}{m1}{body} .= 'x' } ],
    [ 'a message that came twice'       => sub { my ($told, $session, $sessions) = @_; push @$sessions, dclone($session) } ],
    [ 'a command that is none'          => sub { my ($told, $session) = @_; push @{ $session->{problems} }, 'no command' } ],
    [ 'a recipient without a result'    => sub { my ($told) = @_; pop @{ $told->{results}{m1} }; delete $told->{least} } ],
    [ 'a result too many'               => sub { my ($told) = @_; push @{ $told->{results}{m1} }, $told->{results}{m1}[0] } ],
    [ 'a message without results'       => sub { my ($told) = @_; delete $told->{results}{m2} } ],
    [ 'the results of another message'  => sub { my ($told) = @_; @{ $told->{results} }{qw(m1 m9)} = @{ $told->{results} }{qw(m9 m1)} } ],
    [ 'an answer that got lost'         => sub { my ($told) = @_; ours($told, 1, 'final') } ],
    [ 'an end that was sent, and no doubt' => sub {
        my ($told, $session) = @_;
        forget($session, 'final m1 0');
        ours($told, 0, 'body');
    } ],
    [ 'an end that was not sent, and doubt' => sub {
        my ($told, $session) = @_;
        forget($session, 'final m1 0');
        ours($told, 1, 'final');
        $session->{seen} =~ s/end of m1//;
    } ],
    [ 'an answered recipient in doubt'  => sub { my ($told) = @_; $told->{results}{m1}[0][Mail::Wire::Result::NOTES] |= 1 } ],
);

sub all {
    my ($mode, $told, @sessions) = @_;
    return map { [ $_->[0], complaints($_->[1], $mode, dclone($told), dclone(\@sessions)) ] } @forgeries;
}

sub complaints {
    my ($change, $mode, $told, $sessions) = @_;
    $told->{our_code} = $our_code{ $mode->{protocol} };
    $change->($told, $sessions->[0], $sessions);
    my ($problems) = Sweep::Judge::judge(Sweep::Truth->new($mode, {}, @$sessions), $told);
    return @$problems;
}

sub reply {
    my ($session, $point) = @_;
    my ($reply) = grep { $_->[0] eq $point } @{ $session->{said} };
    return $reply;
}

sub forget {
    my ($session, $point) = @_;
    @{ $session->{said} } = grep { $_->[0] ne $point } @{ $session->{said} };
    return;
}

# The first result of m1 becomes a deferral that the client made.
sub ours {
    my ($told, $maybe, $stage) = @_;
    my $old = $told->{results}{m1}[0];
    my $new = Mail::Wire::Result->_new($old->recipient, 0, $told->{our_code}, 'lost', $stage);
    $new->[Mail::Wire::Result::NOTES] = $maybe;
    $told->{results}{m1}[0] = $new;
    return;
}

1;
