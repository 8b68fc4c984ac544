package Mail::Wire::Commands;

use 5.010001;
use strict;
use warnings;
use re 'taint';

our $VERSION = '1.000';

use Carp qw(carp);
use Mail::Wire::Address ();
use Mail::Wire::Client ();
use Mail::Wire::Parameters ();
use Mail::Wire::Source ();
use Mail::Wire::Text ();
use Net::Cmd;

# The sync calls of Net::LMTP with addresses and content, where they are not as simple as most are: mail, recipient and data
# are the glue's, which leaves to these what is not plain.

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

# The path of an address that may be anything; nothing, with the status saying why, when it cannot be sent.
sub _checked_path {
    my ($self, $method, $address) = @_;
    Mail::Wire::Address::check("Net::LMTP::$method", $address);
    return scalar $self->_path($address);
}

# What the status says, as a result has it.
sub _own_words {
    my ($self) = @_;
    my $words = $self->message;
    $words =~ s/\n+\z//;
    return ($self->code, $words);
}

# MAIL was refused here: false. The recipients that follow have it for a result.
sub _no_mail {
    my ($self) = @_;
    $self->_mail_refused($self->_own_words);
    return 0;
}

sub _any_mail {
    my ($self, $address, @arguments) = @_;
    my $option = Mail::Wire::Parameters::pairs('mail', @arguments);
    $self->_binary(0);
    # Whether it can be sent or not: the last message's results are not this one's.
    $self->_forget;
    my $path = $self->_checked_path(mail => $address);
    return $self->_no_mail if not defined $path;
    my ($parameters, $binary) = %$option ? Mail::Wire::Parameters::mail($self, $option) : ('', 0);
    return $self->_no_mail if not defined $parameters;
    $self->_binary(1) if $binary;
    return $self->_MAIL("FROM:$path$parameters");
}

sub _from {
    my ($self, $method, $name, $address) = @_;
    $self->_forget;
    my $path = $self->_checked_path($name, $address);
    return defined $path ? $self->$method("FROM:$path") : $self->_no_mail;
}

# RCPTs may go as one group (RFC 2920 3.1), unless somebody wants to see each of them go.
my %see_each;

# A group's replies, of the longest line each, must fit what may wait unread while it is sent.
my $group_max = 100;

sub _in_groups {
    my ($self) = @_;
    %see_each = map { $_ => Net::LMTP->can($_) } qw(command response getline parse_response debug _RCPT) if not %see_each;
    return if $self->debug or grep { $self->can($_) != $see_each{$_} } keys %see_each;
    return $self->_in_transaction && defined $self->_keyword('PIPELINING');
}

sub _recipients_in_groups {
    my ($self, $parameters, @addresses) = @_;
    my @accepted;
    while (my @group = splice @addresses, 0, $group_max) {
        my @paths = map { scalar $self->_path($_) } @group;
        my @lines = map { defined $paths[$_] ? "RCPT TO:$paths[$_]$parameters" : $self->_no_line($group[$_]) } 0 .. $#group;
        my @sent = grep { defined $paths[$_] } 0 .. $#group;
        my $digits = $self->_group(\@lines);
        push @accepted, @group[ @sent[ grep { $digits->[$_] == CMD_OK } 0 .. $#$digits ] ];
        # The status is that of the last address.
        $self->_path($group[-1]) if not defined $paths[-1];
    }
    return @accepted;
}

# What _group takes for one that is not to be sent.
sub _no_line {
    my ($self, $address) = @_;
    $self->_path($address);
    return [ $address, $self->_own_words ];
}

# to, cc and bcc of a class that has a recipient of its own.
sub _own_recipient { return shift->recipient(@_) }

sub _any_recipient {
    my $self = shift;
    @_ = @_;    # copies: what says its string may empty the caller's list
    my ($addresses, $option) = Mail::Wire::Parameters::recipients(@_);
    Mail::Wire::Address::check('Net::LMTP::recipient', $_) foreach @$addresses;
    my $skip_bad = delete $option->{SkipBad};
    my $wants_list = $skip_bad && wantarray;

    if (not @$addresses) {
        $self->_refuse('recipient: no address');
        return $wants_list ? () : 0;
    }
    my $parameters = %$option ? Mail::Wire::Parameters::recipient($self, $option) : '';
    if (not defined $parameters) {
        $self->_rcpt_refused($_, $self->_own_words) foreach $skip_bad ? @$addresses : $addresses->[0];
        return $wants_list ? () : 0;
    }
    return $self->_recipients_in_groups($parameters, @$addresses) if $skip_bad and @$addresses > 1 and $self->_in_groups;

    my @accepted;
    foreach my $address (@$addresses) {
        my $path = $self->_path($address);
        $self->_rcpt_refused($address, $self->_own_words) if not defined $path;
        if (defined $path and $self->_RCPT("TO:$path$parameters")) {
            push @accepted, $address;
        }
        elsif (not $skip_bad) {
            return 0;
        }
    }
    return $skip_bad ? @accepted : 1;
}

# Content that is no plain text, piece by piece. What was sent of a message is no message when the rest cannot be had: the link is
# closed in front of its end.

sub _any_datasend    { my ($self, @things) = @_; return $self->_send_things(datasend    => @things) }
sub _any_rawdatasend { my ($self, @things) = @_; return $self->_send_things(rawdatasend => @things) }

sub _send_things {
    my ($self, $method, @things) = @_;
    my @pieces = Mail::Wire::Text::pieces($method, @things);
    my $send = Net::LMTP->can($method);
    $self->$send('') or return 0;
    foreach my $piece (@pieces) {
        my $ok = ref $piece ? $self->_send_source($method, $piece) : $self->$send($piece);
        return 0 if not $ok;
    }
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
    my $why = Mail::Wire::Source::fault($error);
    $self->_lose(defined $why ? $why : 'the content could not be read');
    die $error if not defined $why;
    return 0;
}

sub _any_data {
    my $self = shift;
    @_ = @_;    # copies, as above
    if ($self->_binary) {
        carp 'Net::LMTP::data: CHUNKING is in use for this message, call bdat instead';
        return $self->_out_of_place('The message is declared BINARYMIME: bdat takes its content') || 0;
    }
    return $self->_refuse('data: an empty list') || 0 if @_ == 1 and ref $_[0] eq 'ARRAY' and not @{ $_[0] };
    my @things = Mail::Wire::Text::settled(data => @_);
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
