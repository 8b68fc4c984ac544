package Mail::Wire::Deliveries;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

use Carp qw(croak);
use Mail::Wire::Client ();
use Mail::Wire::Result ();

our @ISA = ('Mail::Wire::Client');
our @CARP_NOT = ('Net::LMTP', 'Mail::Wire::Client');

# What deliver, submit and collect of Net::LMTP, which are the glue's, leave to Perl: options of new, content that is not at hand, and the
# caller's code that runs while they wait (with Mail::Wire::Client).

my $WIDE = 'Wide character in a message: encode the text first, for example with Encode::encode';

# ---------------------------------------------------------------- options

# For new: its options for deliveries, as Mail::Wire::Options has checked them.
sub _prepare {
    my ($self, $set) = @_;
    my $seconds = $set->{StageTimeout};
    $self->_window(@{$set}{qw(Window WindowBytes EagerBody)});
    $self->_default_timeout(defined $set->{cap} ? -1 : $set->{Timeout});
    $self->_wait_seconds($_, $seconds->{$_}) foreach grep { defined $seconds->{$_} } qw(lhlo mail rcpt data body final rset);
    $self->_wait_seconds('next', $set->{NextReplyTimeout} || $self->_wait_seconds('final'));
    return;
}

# ---------------------------------------------------------------- running

sub _link { $_[0] }

sub _feed {
    my ($self) = @_;
    my $id = $self->_facts->{calling} = $self->_wants or return;    # debug_print has closed the link
    my $piece = $self->_jobs->{$id}{source}->next;
    return if $self->_wants != $id;    # the code has closed the link
    croak $WIDE if defined $piece and utf8::is_utf8($piece) and not utf8::downgrade($piece, 1);
    $self->_piece($piece);
    return;
}

# If its message is half sent the link is of no use any more.
sub _callback_died {
    my ($self, $id, $why) = @_;
    return $self->_interrupted($id, defined $why ? $why : ());
}

sub _show_lines {
    my ($self) = @_;
    my @lines = $self->_lines or return;
    local $self->_facts->{in_callback} = 1;
    while (my ($out, $line) = splice @lines, 0, 2) { $self->_show($out, "$line\n") }
    return;
}

# For flush: what may be sent without more replies is sent. True unless the link was lost, or some of it would have to be waited for.
sub _send_queued {
    my ($self) = @_;
    return $self->_go(Mail::Wire::Client::UNTIL_SENT, 0, !$self->_facts->{nonblocking}) && $self->opened ? 1 : 0;
}

# For DESTROY.
sub _went {
    my ($self) = @_;
    local ($@, $!, $?);
    my $count = eval { $self->_orphans };
    $self->_warn_of_orphans($count);
    return;
}

# For quit: every delivery has its results.
sub _land {
    my ($self) = @_;
    $self->_go(Mail::Wire::Client::UNTIL_IDLE, 0, 1) if $self->_unanswered;
    return;
}

1;

__END__

=encoding utf8

=head1 NAME

Mail::Wire::Deliveries - what Net::LMTP adds for deliver and submit

=head1 DESCRIPTION

Internal to Mail-Wire: arguments, options and results of LMTP deliveries, behind the methods
C<deliver>, C<submit> and C<collect> of L<Net::LMTP>, where they are described. It may change in any
release.

=head1 SEE ALSO

L<Net::LMTP>

=head1 AUTHOR

The Mail-Wire authors

=head1 LICENSE

This library is free software; you can redistribute it and/or modify it under the same terms as Perl
itself.

=cut
