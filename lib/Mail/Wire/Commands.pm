package Mail::Wire::Commands;

use 5.010001;
use strict;
use warnings;
use re 'taint';

our $VERSION = '1.000';

use Carp qw(carp);
use Mail::Wire::Client ();
use Mail::Wire::Fault ();
use Mail::Wire::Text ();
use Net::Cmd;

# The sync calls of Net::LMTP with content that is no plain text: datasend and data are the glue's, which leaves that to these.

our @CARP_NOT = ('Net::LMTP');

# A refusal of our own: nothing was sent.
sub _refuse {
    my ($self, $why) = @_;
    $self->set_status(501, ["$why\n"]);
    return;
}

# What is out of place here. A link that is lost is why, before all else.
sub _out_of_place {
    my ($self, $why) = @_;
    return $self->_say_closed if not $self->opened;
    $self->set_status(503, ["$why\n"]);
    return;
}

# A 421 that was there, the server's or ours, says it already.
sub _say_closed {
    my ($self) = @_;
    $self->set_status(421, '[' . ref($self) . '] Connection closed') if $self->code != 421;
    return;
}

# to, cc and bcc of a class that has a recipient of its own.
sub _own_recipient { return shift->recipient(@_) }

# Content that is no plain text, piece by piece. What was sent of a message is no message when the rest cannot be had: the link is
# closed in front of its end.

sub _any_datasend    { my ($self, @things) = @_; return $self->_send_things(datasend    => @things) }
sub _any_rawdatasend { my ($self, @things) = @_; return $self->_send_things(rawdatasend => @things) }

sub _send_things {
    my ($self, $method, @things) = @_;
    my $errno = 0 + $!;
    my @pieces = Mail::Wire::Text::pieces($method, @things);
    my $send = Net::LMTP->can($method);
    $self->$send('') or return 0;
    foreach my $piece (@pieces) {
        my $ok = ref $piece ? $self->_send_source($method, $piece) : $self->$send($piece);
        return 0 if not $ok;
    }
    $! = $errno;
    return 1;
}

sub _send_source {
    my ($self, $method, $source) = @_;
    my $send = Net::LMTP->can($method);
    my $sent = 1;
    $self->_guarded(sub {
        while ($sent and defined(my $piece = $source->text || $source->next)) {
            $sent = $self->$send(Mail::Wire::Text::octets($method, ref $piece ? $$piece : $piece));
            last if ref $piece;
        }
    }) or return 0;
    return $sent;
}

# Runs code that reads the caller's content. False, and why, when that cannot be read.
sub _guarded {
    my ($self, $code) = @_;
    my ($ok, $error) = Mail::Wire::Client::_try($code);
    return 1 if $ok;
    my $why = Mail::Wire::Fault::why($error);
    $self->_lose(defined $why ? $why : 'the content could not be read');
    die $error if not defined $why;
    return 0;
}

sub _any_data {
    my $self = shift;
    my $errno = 0 + $!;
    @_ = @_;    # copies, as above
    if ($self->_binary) {
        carp 'Net::LMTP::data: CHUNKING is in use for this message, call bdat instead';
        return $self->_out_of_place('The message is declared BINARYMIME: bdat takes its content') || 0;
    }
    return $self->_refuse('data: an empty list') || 0 if @_ == 1 and ref $_[0] eq 'ARRAY' and not @{ $_[0] };
    my @things = Mail::Wire::Text::settled(data => @_);
    $! = $errno;
    my $ok = $self->_DATA && $self->datasend(@things);
    return $ok && @things ? $self->dataend : $ok;
}

# Whether the server takes BDAT at all.
sub _chunking {
    my ($self, $method) = @_;
    return 1 if defined $self->supports('CHUNKING');
    carp "Net::LMTP::$method: CHUNKING is not offered by host, call data instead";
    return $self->_out_of_place('CHUNKING is not offered by the server: data takes the content') || 0;
}

# A chunk's octets; nothing when they cannot be had: chunks that were sent before are no whole message then.
sub _chunk {
    my ($self, $method, @text) = @_;
    my $chunk;
    my @pieces = Mail::Wire::Text::pieces($method, @text);
    return join '', @pieces if not grep { ref } @pieces;
    $self->_guarded(sub { $chunk = join '', map { ref $_ ? Mail::Wire::Text::octets($method, ${ $_->gather }) : $_ } @pieces }) or return;
    return $chunk;
}

1;

__END__

=encoding utf8

=head1 NAME

Mail::Wire::Commands - sync calls of Net::LMTP that are not plain

=head1 DESCRIPTION

Internal to Mail-Wire: addresses, options and content of C<mail>, C<recipient>, C<data>, C<bdat> and their like, which are
described in L<Net::LMTP>. It may change in any release.

=head1 SEE ALSO

L<Net::LMTP>

=head1 AUTHOR

The Mail-Wire authors

=head1 LICENSE

This library is free software; you can redistribute it and/or modify it under the same terms as Perl
itself.

=cut
